import { GraphQLJSONObject } from "graphql-scalars";
import { type ClassType, Field, InputType, Int, registerEnumType } from "type-graphql";
import type { z } from "zod";
import { assert, present } from "../../kernel/assert.js";
import { ruleContentSchema } from "../document-rules.js";
import { configurationSchema } from "../document-schema.js";

/** A schema of a part of the document. */
type Part = z.core.$ZodTypes;

/** A member of an object, or of any of several forms of one. */
interface Member {
  readonly name: string;
  readonly schema: Part;
  /** Of a member with one constant in each form: these. */
  readonly constants: readonly string[];
  readonly isRequired: boolean;
  readonly description: string;
}

const PUBLISHED = "as `schema/configuration.schema.json` says";
const classes = new Map<string, ClassType>();
const enums = new Map<string, object>();
const taken = new Set<string>();

/**
 * The configuration document as GraphQL input types, made of the one schema that checks its JSON form: the same
 * members and values, so that both ways give one document and one digest. What has one of several forms takes the
 * members of all of them; the member that tells the forms apart says which belong to it, and the others are refused.
 */
export const ConfigurationDocumentInput = inputOf(configurationSchema, {
  name: "Configuration",
  member: "document",
});

/** One class for each set of members: what stands in several places is one type. */
function inputOf(schema: Part, { name: owner, member: called }: Place): ClassType {
  const members = membersOf(schema);
  const key = JSON.stringify(
    members.map(({ name, schema, constants, isRequired }) => [name, shapeOf(schema), constants, isRequired]),
  );
  const known = classes.get(key);
  if (known !== undefined) return known;
  const made = class {};
  classes.set(key, made);
  const name = freeName(`Configuration${capital(called)}`, `${owner}${capital(called)}`);
  for (const { name: member, schema: part, constants, isRequired, description } of members) {
    const type = constants.length > 0 ? enumOf(constants, `${name}${capital(member)}`) : typeOf(part, { name, member });
    Field(() => type, { nullable: !isRequired, description })(made.prototype, member);
  }
  InputType(`${name}Input`, {
    description: descriptionOf(schema) ?? `A part of a configuration document, ${PUBLISHED}.`,
  })(made);
  return made;
}

type FieldType = ClassType | object;

/** Where a part stands: a member, in the singular, of a type by its name without `Input`. */
interface Place {
  readonly name: string;
  readonly member: string;
}

function typeOf(schema: Part, { name, member }: Place): FieldType {
  const { def } = schema._zod;
  // GoRules' own format, which editors write whole.
  if ((schema as unknown) === ruleContentSchema) return GraphQLJSONObject;
  switch (def.type) {
    case "array":
      return [typeOf(def.element as Part, { name, member: member.replace(/s$/, "") })];
    case "enum":
      return enumOf(Object.values(def.entries).map(String), `${name}${capital(member)}`);
    case "string":
      return String;
    case "number":
    case "literal":
      return Int;
    case "record":
      return GraphQLJSONObject;
    default:
      return inputOf(schema, { name, member });
  }
}

function membersOf(schema: Part): readonly Member[] {
  const forms = formsOf(schema);
  return [...new Set(forms.flatMap((form) => Object.keys(form)))].map((name) => {
    const found = forms.flatMap((form) => form[name] ?? []);
    const parts = found.map(unwrapped);
    const constants = parts.flatMap(({ _zod: { def } }) => (def.type === "literal" ? def.values.map(String) : []));
    const isConstant = constants.length === parts.length && name !== "v";
    const isRequired = found.length === forms.length && found.every(({ _zod }) => _zod.def.type !== "optional");
    const said = [...found, ...parts].map(descriptionOf).find((text) => text !== undefined);
    const told = isConstant && forms.length > 1 ? `Which form it has, and so which members, ${PUBLISHED}.` : undefined;
    const schema = present(parts[0], "a form of a member");
    return {
      ...{ name, schema, constants: isConstant ? constants : [], isRequired },
      description: said ?? told ?? `The member \`${name}\`, ${PUBLISHED}.`,
    };
  });
}

function formsOf(schema: Part): readonly Readonly<Record<string, Part>>[] {
  const { def } = schema._zod;
  if (def.type === "union") return def.options.flatMap((option) => formsOf(option as Part));
  assert(def.type === "object", "an input type is made of objects");
  return [def.shape as Readonly<Record<string, Part>>];
}

function unwrapped(schema: Part): Part {
  const { def } = schema._zod;
  return def.type === "optional" ? unwrapped(def.innerType as Part) : schema;
}

function descriptionOf(schema: Part): string | undefined {
  return (schema as unknown as z.ZodType).description;
}

/** A schema without its names and checks, as far as types are told apart by it. */
function shapeOf(schema: Part): unknown {
  const { def } = schema._zod;
  if (def.type === "array") return [shapeOf(def.element as Part)];
  if (def.type === "enum") return Object.values(def.entries);
  if (def.type === "object" || def.type === "union") return membersOf(schema).map(({ name }) => name);
  return def.type;
}

function enumOf(values: readonly string[], name: string): object {
  const key = [...values].sort().join(" ");
  const known = enums.get(key);
  if (known !== undefined) return known;
  const made = Object.fromEntries(values.map((value) => [value, value]));
  enums.set(key, made);
  const valuesConfig = Object.fromEntries(values.map((value) => [value, { description: `${value}, ${PUBLISHED}.` }]));
  registerEnumType(made, {
    name: freeName(name),
    description: `A choice of a configuration document, ${PUBLISHED}.`,
    valuesConfig,
  });
  return made;
}

/** The shorter name, unless something else has it. */
function freeName(short: string, long = short): string {
  const name = taken.has(short) ? long : short;
  assert(!taken.has(name), `${name} names one type`);
  taken.add(name);
  return name;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
