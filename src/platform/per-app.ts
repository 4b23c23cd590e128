import type { App } from "./app.js";

/** What a process keeps for an App, made when it is first asked for and gone with the App. */
export function perApp<T>(make: (app: App) => T): (app: App) => T {
  const kept = new WeakMap<App, T>();
  return (app) => {
    const known = kept.get(app);
    if (known !== undefined) return known;
    const made = make(app);
    kept.set(app, made);
    return made;
  };
}
