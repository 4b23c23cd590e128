import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";

const Challenges = z.array(
  z.object({ kid: z.string(), challenge: z.string().nullable(), encryptedChallenge: z.string().nullable() }),
);
const PROOF_TYPE = "quittance-key-proof+jws";

/** The partner's command `prove`: shows that it holds a private key. */
export function register(program: Command): void {
  program
    .command("prove")
    .description("print the proof that you hold a private key, for whoever registers its public half")
    .argument("<file>", "the challenges, as `key challenge` printed them or `keyChallenges` answered")
    .requiredOption("--key <file>", "the private JWK, as `keygen` writes it")
    .action(printProof);
}

async function printProof(file: string, { key: keyFile }: { readonly key: string }): Promise<void> {
  const challenges = Challenges.parse(JSON.parse(await readFile(file, "utf8")));
  const { kid } = z.object({ kid: z.string() }).parse(JSON.parse(await readFile(keyFile, "utf8")));
  const asked = challenges.find((each) => each.kid === kid);
  if (asked === undefined) throw new Error(`${file} holds no challenge for the key ${kid}.`);
  const { challenge, encryptedChallenge } = asked;
  if (challenge !== null) {
    const { readSigningKey } = await import("../partner/signing-key.js");
    const key = await readSigningKey(keyFile);
    return console.log(await key.sign(JSON.stringify({ challenge }), PROOF_TYPE));
  }
  const { compactDecrypt, importJWK } = await import("jose");
  const key = await importJWK(JSON.parse(await readFile(keyFile, "utf8")));
  const { plaintext } = await compactDecrypt(encryptedChallenge ?? "", key);
  console.log(new TextDecoder().decode(plaintext));
}
