import { GraphQLJSONObject } from "graphql-scalars";
import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { nameFor } from "../../kernel/actor.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn, partnerOf } from "../../tenancy/service.js";
import { returnConfiguration, submitConfiguration } from "../approvals/service.js";
import { Configuration } from "../entities.js";
import {
  ActivateConfigurationInput,
  ConfigurationsArgs,
  DraftConfigurationInput,
  ReturnConfigurationInput,
  SubmitConfigurationInput,
} from "./inputs.js";
import {
  activateConfiguration,
  configurationOf,
  configurationsOf,
  countConfigurations,
  draftConfiguration,
  warningsIn,
} from "./service.js";

const ConfigurationConnection = connectionType("Configuration", Configuration);

/** The answer to every mutation of a configuration. */
@ObjectType({ description: "The version as it stands now." })
export class ConfigurationPayload {
  @Field(() => Configuration, { description: "The version." })
  readonly configuration!: Configuration;
}

/** Configurations: draft, submit, return, activate, read. */
@Resolver(() => Configuration)
export class ConfigurationResolver {
  @Authorized("configs:draft")
  @Mutation(() => ConfigurationPayload, { description: "Write a new version of how a partner is settled." })
  async draftConfiguration(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => DraftConfigurationInput, { description: "The document and its partner." })
    { idempotencyKey, ...input }: DraftConfigurationInput,
  ): Promise<ConfigurationPayload> {
    return { configuration: await draftConfiguration(app, actor, input, idempotencyKey) };
  }

  @Authorized("configs:draft")
  @Mutation(() => ConfigurationPayload, { description: "Submit a draft, with its first instant, for approval." })
  async submitConfiguration(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SubmitConfigurationInput, { description: "The draft and its first instant." })
    { idempotencyKey, ...input }: SubmitConfigurationInput,
  ): Promise<ConfigurationPayload> {
    return { configuration: await submitConfiguration(app, actor, input, idempotencyKey) };
  }

  @Authorized("configs:draft", "configs:approve")
  @Mutation(() => ConfigurationPayload, { description: "Return a submitted version to its draft." })
  async returnConfiguration(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ReturnConfigurationInput, { description: "The version, and why." })
    { idempotencyKey, ...input }: ReturnConfigurationInput,
  ): Promise<ConfigurationPayload> {
    return { configuration: await returnConfiguration(app, actor, input, idempotencyKey) };
  }

  @Authorized("configs:approve")
  @Mutation(() => ConfigurationPayload, {
    description: "Put a version that somebody else submitted in force, and plan its periods.",
  })
  async activateConfiguration(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ActivateConfigurationInput, { description: "The version." })
    { idempotencyKey, ...input }: ActivateConfigurationInput,
  ): Promise<ConfigurationPayload> {
    return { configuration: await activateConfiguration(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "configs:draft", "configs:approve")
  @Query(() => Configuration, {
    description: "A version of a configuration; partners see none that was never in force.",
  })
  async configuration(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `cfg_`." }) id: string,
  ): Promise<Configuration> {
    return configurationOf(app, actor, id);
  }

  @Authorized("settlements:read", "configs:draft", "configs:approve")
  @Query(() => ConfigurationConnection, {
    description: "A partner's versions, newest first; partners see none that was never in force.",
  })
  async configurations(
    @Ctx() { app, actor }: Context,
    @Args(() => ConfigurationsArgs) args: ConfigurationsArgs,
  ): Promise<Connection<Configuration>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const page = await configurationsOf(app, actor, partner, args);
    return connectionOf("configurations", page, args.after, () => countConfigurations(app, actor, partner));
  }

  @FieldResolver(() => Partner, { description: "The partner whom it settles." })
  async partner(@Ctx() { app, actor }: Context, @Root() configuration: Configuration): Promise<Partner> {
    return partnerOf(app, actor, configuration.partnerId);
  }

  @FieldResolver(() => GraphQLJSONObject, {
    description: "The document, as `schema/configuration.schema.json` says.",
  })
  document(@Root() configuration: Configuration): Record<string, unknown> {
    return JSON.parse(configuration.document);
  }

  @FieldResolver(() => [String], {
    description: "What is allowed in it and may surprise, `<JSON pointer> <reason>`: cliffs, rates that fall.",
  })
  warnings(@Root() configuration: Configuration): readonly string[] {
    return warningsIn(configuration);
  }

  @FieldResolver(() => String, {
    description: "SHA-256 of the document's canonical JSON (RFC 8785), in hexadecimal; statements name it.",
  })
  documentSha256(@Root() configuration: Configuration): string {
    return configuration.documentSha256.toString("hex");
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who wrote it: a client's or a person's id, or `shell`; null for partners.",
  })
  draftedBy(@Ctx() { actor }: Context, @Root() configuration: Configuration): string | null {
    return nameFor(actor, configuration.draftedBy);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who submitted it for approval; null for drafts, what the shell put in force, and for partners.",
  })
  submittedBy(@Ctx() { actor }: Context, @Root() configuration: Configuration): string | null {
    return nameFor(actor, configuration.submittedBy);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who put it in force: a client's or a person's id, or `shell`; null for partners.",
  })
  activatedBy(@Ctx() { actor }: Context, @Root() configuration: Configuration): string | null {
    return nameFor(actor, configuration.activatedBy);
  }
}
