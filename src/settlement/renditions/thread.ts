import "reflect-metadata";
import type { Rendition } from "./entities.js";
import { renderStatement, type Unshown, type Wanted } from "./render.js";

/** What a thread of its own does for `openRenderer`: writes one statement. */
export async function write(wanted: Wanted): Promise<Rendition | Unshown> {
  return renderStatement(wanted);
}
