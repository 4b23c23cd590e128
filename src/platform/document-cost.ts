import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";

/** An operation with everything that decides what it costs. */
export interface CostedOperation {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
}

/** Objects in a list whose length nothing says. */
const LIST_ROWS = 10;
/** No cost is told apart above this; what it is multiplied with stays a number. */
const COST_MAX = 1e9;

/** What the meta-fields of the root answer with (GraphQL, section 4). */
const META_TYPES: Readonly<Record<string, string>> = { __schema: "__Schema", __type: "__Type" };

/**
 * How many fields answering an operation takes, or more: a field counts once for each object that it is asked of, a
 * page has as many as `first` says, `nodes` as many as ids, a list of the schema itself as many as it has on average,
 * any other list ten. Fragments are expanded, each computed once for a page size. Unknown fields and types count as
 * one, so the document need not be valid.
 */
export function costOf({ schema, operation, fragments, variables: given }: CostedOperation): number {
  const known = new Map<string, number>();
  const variables = Object.assign(defaultsOf(operation), given);

  function costOfSet(set: SelectionSetNode, parent: GraphQLCompositeType | null, rows: number | null): number {
    let cost = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) cost += costOfField(selection, parent, rows);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += costOfFragment(selection.name.value, rows);
      else cost += costOfSet(selection.selectionSet, typeNamed(selection.typeCondition?.name.value) ?? parent, rows);
    }
    return Math.min(cost, COST_MAX);
  }

  function costOfField(node: FieldNode, parent: GraphQLCompositeType | null, rows: number | null): number {
    if (node.selectionSet === undefined) return 1;
    const field = fieldOf(parent, node.name.value);
    const type = field === undefined ? typeNamed(META_TYPES[node.name.value]) : getNamedType(field.type);
    const isList = field !== undefined && isListType(getNullableType(field.type));
    const asked = askedRows(node, field, variables);
    // A connection says on its own field how many its `edges` are, on the next level.
    const usual = parent?.name.startsWith("__") === true ? schemaRows(schema)[node.name.value] : undefined;
    const times = isList ? (asked ?? rows ?? usual ?? LIST_ROWS) : 1;
    const inner = costOfSet(node.selectionSet, isCompositeType(type) ? type : null, isList ? null : asked);
    return Math.min(1 + times * inner, COST_MAX);
  }

  function costOfFragment(name: string, rows: number | null): number {
    const key = `${name} ${rows}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, 0); // where it holds itself
    const fragment = fragments.get(name);
    const cost =
      fragment === undefined ? 0 : costOfSet(fragment.selectionSet, typeNamed(fragment.typeCondition.name.value), rows);
    known.set(key, cost);
    return cost;
  }

  function typeNamed(name: string | undefined): GraphQLCompositeType | null {
    const type = name === undefined ? undefined : schema.getType(name);
    return isCompositeType(type) ? type : null;
  }

  return costOfSet(operation.selectionSet, schema.getRootType(operation.operation) ?? null, null);
}

function fieldOf(parent: GraphQLCompositeType | null, name: string): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}

const rowsOfSchemas = new WeakMap<GraphQLSchema, Readonly<Record<string, number>>>();

/** How long the lists of the introspection types are: all types, and of each what a type has on average. */
function schemaRows(schema: GraphQLSchema): Readonly<Record<string, number>> {
  let rows = rowsOfSchemas.get(schema);
  if (rows === undefined) {
    rows = averageRows(schema);
    rowsOfSchemas.set(schema, rows);
  }
  return rows;
}

function averageRows(schema: GraphQLSchema): Readonly<Record<string, number>> {
  const types = Object.values(schema.getTypeMap());
  const fields = types.flatMap((type) =>
    isObjectType(type) || isInterfaceType(type) ? Object.values<GraphQLField<unknown, unknown>>(type.getFields()) : [],
  );
  const args = fields.reduce((sum, field) => sum + field.args.length, 0);
  const inputFields = types.flatMap((type) => (isInputObjectType(type) ? Object.keys(type.getFields()) : []));
  const enumValues = types.flatMap((type) => (isEnumType(type) ? type.getValues() : []));
  const interfaces = types.flatMap((type) => (isObjectType(type) ? type.getInterfaces() : []));
  const ofType = (list: readonly unknown[]) => list.length / types.length;
  return {
    ...{ types: types.length, directives: schema.getDirectives().length },
    ...{ fields: ofType(fields), inputFields: ofType(inputFields), enumValues: ofType(enumValues) },
    ...{ interfaces: ofType(interfaces), possibleTypes: ofType(interfaces), args: args / fields.length },
  };
}

type Variables = CostedOperation["variables"];

/** How many objects a field is asked for, by `first` or by its ids; null where it says neither. */
function askedRows(
  node: FieldNode,
  field: GraphQLField<unknown, unknown> | undefined,
  variables: Variables,
): number | null {
  const argument = field?.args.find(({ name }) => name === "first" || name === "ids");
  if (argument === undefined) return null;
  const given = node.arguments?.find(({ name }) => name.value === argument.name);
  return counted(given?.value, variables) ?? (typeof argument.defaultValue === "number" ? argument.defaultValue : null);
}

/** What an operation takes for variables that are not sent: whole numbers and lists, by their length. */
function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    variableDefinitions.map(({ variable, defaultValue }) => {
      const isList = defaultValue?.kind === Kind.LIST;
      return [variable.name.value, isList ? defaultValue.values : counted(defaultValue, null)];
    }),
  );
}

function counted(value: ValueNode | undefined, variables: Variables): number | null {
  if (value === undefined) return null;
  if (value.kind === Kind.INT) return bounded(Number(value.value));
  if (value.kind === Kind.LIST) return value.values.length;
  if (value.kind !== Kind.VARIABLE) return null;
  const given = variables?.[value.name.value];
  if (Array.isArray(given)) return given.length;
  return typeof given === "number" ? bounded(given) : null;
}

/** A number of rows is refused where the page is read when it is none; here it must only not make a cost of it. */
function bounded(rows: number): number {
  return Number.isFinite(rows) ? Math.min(Math.max(rows, 0), COST_MAX) : COST_MAX;
}
