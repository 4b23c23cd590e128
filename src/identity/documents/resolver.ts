import type { GraphQLResolveInfo } from "graphql";
import { Arg, Args, Authorized, Ctx, Field, Info, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { TrustedDocument } from "./entities.js";
import { RegisterTrustedDocumentInput, WithdrawTrustedDocumentInput } from "./inputs.js";
import {
  countTrustedDocuments,
  registerTrustedDocument,
  trustedDocumentsOf,
  withdrawTrustedDocument,
} from "./service.js";

const TrustedDocumentConnection = connectionType("TrustedDocument", TrustedDocument);

/** What `registerTrustedDocument` answers. */
@ObjectType({ description: "The document that was registered." })
export class RegisterTrustedDocumentPayload {
  @Field(() => TrustedDocument, { description: "The document; it may be run by its hash at once." })
  readonly document!: TrustedDocument;
}

/** What `withdrawTrustedDocument` answers. */
@ObjectType({ description: "The document that was withdrawn." })
export class WithdrawTrustedDocumentPayload {
  @Field(() => TrustedDocument, { description: "The document; within seconds nobody runs it by its hash." })
  readonly document!: TrustedDocument;
}

/** The documents that a tenant trusts. */
@Resolver()
export class TrustedDocumentResolver {
  @Authorized("clients:manage")
  @Query(() => TrustedDocumentConnection, {
    description: "The tenant's registered documents, withdrawn ones too, by hash.",
  })
  async trustedDocuments(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<TrustedDocument>> {
    const page = await trustedDocumentsOf(app, actor, args);
    return connectionOf("trustedDocuments", page, args.after, () => countTrustedDocuments(app, actor));
  }

  @Authorized("clients:manage")
  @Mutation(() => RegisterTrustedDocumentPayload, {
    description: "Register a document, which clients of the tenant then run by its hash, with the scopes they have.",
  })
  async registerTrustedDocument(
    @Ctx() { app, actor }: Context,
    @Info() { schema }: GraphQLResolveInfo,
    @Arg("input", () => RegisterTrustedDocumentInput, { description: "The document." })
    { idempotencyKey, name, text }: RegisterTrustedDocumentInput,
  ): Promise<RegisterTrustedDocumentPayload> {
    return { document: await registerTrustedDocument(app, actor, { schema, name, text }, idempotencyKey) };
  }

  @Authorized("clients:manage")
  @Mutation(() => WithdrawTrustedDocumentPayload, {
    description: "Withdraw a document: it is run by its hash no more.",
  })
  async withdrawTrustedDocument(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => WithdrawTrustedDocumentInput, { description: "The document, and why." })
    { idempotencyKey, sha256, reason }: WithdrawTrustedDocumentInput,
  ): Promise<WithdrawTrustedDocumentPayload> {
    return { document: await withdrawTrustedDocument(app, actor, { sha256, reason }, idempotencyKey) };
  }
}
