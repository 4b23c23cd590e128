/** The part of autocannon 8 that we use; the package brings no types. */
declare module "autocannon" {
  interface Request {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }

  interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly requests: readonly Request[];
    /** Whether an answer is right; those that are not are counted in `mismatches`. */
    verifyBody(body: string): boolean;
  }

  interface Result {
    /** Seconds, as they were measured. */
    readonly duration: number;
    readonly "2xx": number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
    readonly mismatches: number;
  }

  function autocannon(options: Options): Promise<Result>;
  export = autocannon;
}
