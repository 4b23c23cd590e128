/** What must be undone when the benchmarks end, however they end: servers stopped, folders removed. */
export interface Cleanup {
  /** Throws once the end has begun: from then on nothing may be started that would have to be undone. */
  throwIfEnding(): void;
  /** Undoes this in the end, before what was asked for earlier. The answer does it now, and once only. */
  later(undo: () => Promise<void>): () => Promise<void>;
  /** Undoes everything so far, the last first; says what could not be undone and goes on. */
  now(): Promise<void>;
  /** The same for good. */
  end(): Promise<void>;
}

/** A cleanup with nothing to undo yet. */
export function openCleanup(say: (line: string) => void): Cleanup {
  const undos = new Set<() => Promise<void>>();
  let isEnding = false;
  const now = async () => {
    for (const undo of [...undos].reverse()) {
      await undo().catch((error: unknown) => say(`not cleaned up: ${String(error)}`));
    }
  };
  return {
    throwIfEnding() {
      if (isEnding) throw new Error("the benchmarks are ending");
    },
    later(undo) {
      let undone: Promise<void> | null = null;
      const undoOnce = () => {
        undone ??= undo().finally(() => undos.delete(undoOnce));
        return undone;
      };
      undos.add(undoOnce);
      return undoOnce;
    },
    now,
    async end() {
      isEnding = true;
      await now();
    },
  };
}

/** Rejected when the user or the system asks this process to stop. */
export function interruption(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => reject(new Interrupted(signal)));
    }
  });
}

/** We were asked to stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
