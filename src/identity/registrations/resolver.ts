import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { present } from "../../kernel/assert.js";
import type { Context } from "../../platform/graphql.js";
import { approveKey } from "../approvals/service.js";
import { actorInTenant } from "../clients/service.js";
import { ClientKey } from "../entities.js";
import { challengeKeys } from "../key-proofs/service.js";
import { readKeys } from "../key-reading/service.js";
import { ApproveKeyInput, KeyChallengesInput, RegisterKeyInput, RotateKeyInput } from "./inputs.js";
import { registerKeys, rotateKey } from "./service.js";

/** What whoever holds a key proves that with. */
@ObjectType({ description: "What whoever holds a private key proves that with: by signing or decrypting it." })
export class KeyChallenge {
  @Field(() => String, { description: "The key that is to be proven." })
  readonly kid!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'To be signed by the key as `{"challenge"}` under `typ: quittance-key-proof+jws`; null for one that encrypts.',
  })
  readonly challenge!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "To be decrypted by the key (compact JWE); the plaintext is the proof. Null for a key that signs.",
  })
  readonly encryptedChallenge!: string | null;

  @Field(() => Date, { description: "A proof that comes later is refused." })
  readonly expiresAt!: Date;
}

/** What `registerKey` answers. */
@ObjectType({ description: "The keys that were registered." })
export class RegisterKeyPayload {
  @Field(() => ClientKey, { description: "The key, of several the first." })
  readonly key!: ClientKey;

  @Field(() => [ClientKey], { description: "All of them; they may be used when a second person has approved them." })
  readonly keys!: readonly ClientKey[];
}

/** What `rotateKey` answers. */
@ObjectType({ description: "The key that takes another's place." })
export class RotateKeyPayload {
  @Field(() => ClientKey, { description: "The new key; its approval begins the overlap." })
  readonly key!: ClientKey;
}

/** What `approveKey` answers. */
@ObjectType({ description: "The key that was approved." })
export class ApproveKeyPayload {
  @Field(() => ClientKey, { description: "The key; it may be used now." })
  readonly key!: ClientKey;
}

/** How clients' public keys come to be good. */
@Resolver()
export class RegistrationResolver {
  @Authorized("clients:manage", "keys:manage")
  @Query(() => [KeyChallenge], { description: "What proves that somebody holds the private halves of these keys." })
  async keyChallenges(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => KeyChallengesInput, { description: "The keys, and for whom." })
    { jwk, purposes = null, clientId = null, partnerId = null, tenantId = null }: KeyChallengesInput,
  ): Promise<KeyChallenge[]> {
    const asker = await actorInTenant(app, actor, tenantId);
    const isHandOver = asker.tenantId !== actor.tenantId; // to a tenant's first client alone, whoever else is there
    const holder = isHandOver ? { clientId: null, partnerId: null } : { clientId, partnerId };
    return challengeKeys(app, asker, holder, readKeys(jwk, purposes));
  }

  @Authorized("keys:manage")
  @Mutation(() => RegisterKeyPayload, { description: "Register more keys for a client; the others stay." })
  async registerKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RegisterKeyInput, { description: "The client and its public keys." })
    { idempotencyKey, ...input }: RegisterKeyInput,
  ): Promise<RegisterKeyPayload> {
    const keys = await registerKeys(app, actor, input, idempotencyKey);
    return { key: present(keys[0], "a registered key"), keys };
  }

  @Authorized("keys:manage")
  @Mutation(() => RotateKeyPayload, { description: "Register a key that takes another's place after an overlap." })
  async rotateKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RotateKeyInput, { description: "The old key, the new one, and the overlap." })
    { idempotencyKey, ...input }: RotateKeyInput,
  ): Promise<RotateKeyPayload> {
    return { key: await rotateKey(app, actor, input, idempotencyKey) };
  }

  @Authorized("keys:manage")
  @Mutation(() => ApproveKeyPayload, { description: "Approve a key that somebody else registered." })
  async approveKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveKeyInput, { description: "The key." }) { idempotencyKey, keyId }: ApproveKeyInput,
  ): Promise<ApproveKeyPayload> {
    return { key: await approveKey(app, actor, keyId, idempotencyKey) };
  }
}
