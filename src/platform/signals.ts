import type { Redis } from "ioredis";

/** What listens to a channel; gets the text that was published. */
export type SignalListener = (message: string) => void;

/** Live hints between processes by Redis pub/sub; any may be lost, so whoever waits also looks in the database. */
export interface Signals {
  publish(channel: string, message: string): Promise<void>;
  /** Listens until the returned function is called. */
  listen(channel: string, listener: SignalListener): () => void;
  close(): Promise<void>;
}

/** Signals over two connections: one that publishes, one that listens; channels are prefixed. */
export function openSignals(prefix: string, commands: Redis, subscriber: Redis): Signals {
  const listeners = new Map<string, Set<SignalListener>>();
  const nameOf = (channel: string) => `${prefix}:signal:${channel}`;
  subscriber.on("message", (name: string, message: string) => {
    for (const listener of listeners.get(name) ?? []) listener(message);
  });
  return {
    async publish(channel, message) {
      if (commands.status !== "ready") return;
      await commands.publish(nameOf(channel), message).catch(() => undefined); // a hint
    },
    listen(channel, listener) {
      const name = nameOf(channel);
      const known = listeners.get(name);
      if (known === undefined) {
        listeners.set(name, new Set([listener]));
        void subscriber.subscribe(name).catch(() => undefined); // ioredis subscribes again when it reconnects
      } else known.add(listener);
      return () => listeners.get(name)?.delete(listener);
    },
    async close() {
      subscriber.disconnect();
    },
  };
}
