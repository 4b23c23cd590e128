import { SignInMethod } from "../../src/identity/sessions/entities.js";
import { actorOfSession, startSession } from "../../src/identity/sessions/service.js";
import { type Role, User, UserState } from "../../src/identity/users/entities.js";
import { createUser } from "../../src/identity/users/service.js";
import { type Actor, systemActor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { transact } from "../../src/platform/database.js";

/** A password that will do. */
export const PASSWORD = "correct horse battery staple";

/** A person with a session. */
export interface SeededPerson {
  readonly user: User;
  /** The secret of the session's cookie. */
  readonly secret: string;
  readonly sessionId: string;
  /** The person as the API knows him by that session. */
  readonly actor: Actor;
  /** Another session of the same person. */
  again(): Promise<SeededPerson>;
}

let people = 0;

/** A person of the actor's tenant who is signed in; as if by a provider, since passwords take their time. */
export async function seedPerson(app: App, actor: Actor, roles: readonly Role[]): Promise<SeededPerson> {
  people += 1;
  const { user } = await createUser(app, actor, { email: `person-${people}@example.com`, name: "Person", roles });
  await app.database.manager.update(
    User,
    { tenantId: user.tenantId, id: user.id },
    { state: UserState.ACTIVE, invitedAt: null, invitationEndsAt: null, signedInAt: app.clock.now() },
  );
  return signedIn(app, actor, user);
}

async function signedIn(app: App, { tenantId, tenantNo }: Actor, user: User): Promise<SeededPerson> {
  const self = { ...systemActor({ tenantId, tenantNo }, "req_test"), principalId: user.id };
  const session = { userId: user.id, method: SignInMethod.PROVIDER, agent: "test" };
  const { id: sessionId, secret } = await transact(app, (tx) => startSession(app, tx, self, session));
  const credentials = { secret, requestId: "req_test", traceparent: null, address: null };
  const actor = present(await actorOfSession(app, credentials), "the actor of a session that was just started");
  return { user, secret, sessionId, actor, again: () => signedIn(app, self, user) };
}
