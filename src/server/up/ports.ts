import { createServer } from "node:net";

/**
 * A TCP port of this machine that can be listened on now: the wanted one, or any for 0. Throws a sentence when it is
 * taken.
 */
export async function freePort(host: string, wanted: number): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(sentenceOf(error, host, wanted))));
    server.listen({ host, port: wanted, exclusive: true }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : wanted);
    });
  });
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return port;
}

function sentenceOf(error: Error, host: string, port: number): string {
  const isTaken = "code" in error && error.code === "EADDRINUSE";
  if (isTaken) return `Port ${port} is taken by another program; choose one with --port, or --port 0 for any.`;
  return `Port ${port} of ${host} cannot be listened on: ${error.message}`;
}
