import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { validateXML } from "xmllint-wasm";
import { assert } from "../../kernel/assert.js";
import { type PaymentOrder, paymentMessage } from "./rules.js";

const SCHEMA = join("schema", "payout-file.xsd");
/** Of 64 KiB each: what the largest file and its tree need. */
const MEMORY_PAGES_MAX = 4_096;

/**
 * The message of an order, checked against `schema/payout-file.xsd` by libxml2. One that is not valid is a bug, since
 * whatever goes into it was checked before; it never leaves the house.
 */
export async function validMessage(order: PaymentOrder): Promise<string> {
  const xml = paymentMessage(order);
  const faults = await schemaFaults(xml);
  assert(faults.length === 0, "a payment message is valid by its schema"); // the faults repeat account numbers: no log
  return xml;
}

/** What is wrong with a message by the schema, in the words of libxml2, which repeat the message; none if valid. */
export async function schemaFaults(xml: string): Promise<readonly string[]> {
  const { valid, errors, rawOutput } = await validateXML({
    xml: { fileName: "message.xml", contents: xml },
    schema: { fileName: "schema.xsd", contents: schemaText() },
    maxMemoryPages: MEMORY_PAGES_MAX,
  });
  if (valid) return [];
  return errors.length > 0 ? errors.map(({ message }) => message) : [rawOutput];
}

let kept: string | undefined;

function schemaText(): string {
  kept ??= readFileSync(join(packageFolder(), SCHEMA), "utf8");
  return kept;
}

/** Where the package lies: above this file, be it the source or what was compiled of it. */
function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, SCHEMA)) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
