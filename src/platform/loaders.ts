import DataLoader from "dataloader";

/** Loads many rows of one kind at once, by key, within one request. */
export type BatchLoad<K, V> = (keys: readonly K[]) => Promise<readonly V[]>;

/**
 * A request's loaders: each is made when first asked for and forgets everything with the request. Before each loading
 * `check` may refuse to go on.
 */
export class Loaders {
  readonly #loaders = new Map<string, DataLoader<unknown, unknown>>();

  constructor(readonly check: () => void = () => undefined) {}

  /** The loader of that name; the same name must always come with the same loading. */
  of<K, V>(name: string, load: BatchLoad<K, V>): DataLoader<K, V> {
    const known = this.#loaders.get(name);
    if (known !== undefined) return known as DataLoader<K, V>;
    const loader = new DataLoader<K, V>(async (keys) => {
      this.check();
      return load(keys);
    });
    this.#loaders.set(name, loader);
    return loader;
  }
}
