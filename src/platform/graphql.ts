import { GraphQLScalarType, Kind } from "graphql";
import { type ClassType, Field, ID, Int, InterfaceType, ObjectType } from "type-graphql";
import type { Actor } from "../kernel/actor.js";
import { decimalText, scaleOf } from "../kernel/money.js";
import { cursorOf, type Page } from "../kernel/page.js";
import type { App } from "./app.js";
import type { Loaders } from "./loaders.js";

/** What every resolver is given: the process, who asks, and the request's own loaders. */
export interface Context {
  readonly app: App;
  readonly actor: Actor;
  readonly loaders: Loaders;
}

/** An exact decimal number as text; never a float. */
export const Decimal = new GraphQLScalarType<string, string>({
  name: "Decimal",
  description: 'An exact decimal number as a string, e.g. `"0.00010000"`; no exponent, no separators.',
  serialize: (value) => String(value),
  parseValue: (value) => checkedDecimal(value),
  parseLiteral: (node) => checkedDecimal(node.kind === Kind.STRING ? node.value : undefined),
});

/** Anything with an id of its own (Relay's Global Object Identification). */
@InterfaceType({ description: "Anything with an id of its own, which `node(id:)` finds." })
export abstract class Node {
  @Field(() => ID, { description: "Prefixed, sortable and opaque." })
  readonly id!: string;
}

/** A currency by its code. Whether it is known here, and listed by a partner, is for whoever takes it to say. */
export const CurrencyCode = new GraphQLScalarType<string, string>({
  name: "CurrencyCode",
  description: "A currency or token by its code, e.g. `KRW`, `USD`, `BTC`; 2 to 12 of `A-Z` and `0-9`.",
  serialize: (value) => String(value),
  parseValue: (value) => checkedCurrency(value),
  parseLiteral: (node) => checkedCurrency(node.kind === Kind.STRING ? node.value : undefined),
});

/** An exact amount of one currency. */
@ObjectType({ description: "An exact amount of one currency." })
export class Money {
  @Field(() => Decimal, {
    description: "The amount, with exactly the decimals of its currency.",
  })
  readonly amount: string;

  @Field(() => CurrencyCode, { description: "The currency that the amount is of." })
  readonly currency: string;

  constructor(minor: bigint, currency: string) {
    this.amount = decimalText(minor, scaleOf(currency));
    this.currency = currency;
  }
}

/** Where a page of a connection begins and ends (GraphQL Cursor Connections). */
@ObjectType({ description: "Where a page of a connection begins and ends." })
export class PageInfo {
  @Field(() => Boolean, { description: "Whether more rows follow." })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, {
    description: "Whether the page starts behind a cursor.",
  })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the first row; null on an empty page.",
  })
  readonly startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the last row; ask for what is `after` it.",
  })
  readonly endCursor!: string | null;
}

/** One row of a connection with its cursor. */
export interface Edge<T> {
  readonly cursor: string;
  readonly node: T;
}

/** One page of a connection; `totalCount` is counted only when it is asked for. */
export interface Connection<T> {
  readonly edges: readonly Edge<T>[];
  readonly pageInfo: PageInfo;
  readonly totalCount: Promise<number>;
}

/** The connection and edge types of a node type, `<Name>Connection` and `<Name>Edge`. */
export function connectionType<T extends object>(name: string, node: ClassType<T>): ClassType<Connection<T>> {
  @ObjectType(`${name}Edge`, { description: `One ${name} of a page.` })
  class NodeEdge implements Edge<T> {
    @Field(() => String, {
      description: "Opaque position of this row; stable while rows are added.",
    })
    readonly cursor!: string;

    @Field(() => node, { description: "The row itself." })
    readonly node!: T;
  }

  @ObjectType(`${name}Connection`, { description: `A page of ${name} rows.` })
  class NodeConnection implements Connection<T> {
    @Field(() => [NodeEdge], {
      description: "The rows of this page, in order.",
    })
    readonly edges!: readonly Edge<T>[];

    @Field(() => PageInfo, { description: "Where the page begins and ends." })
    readonly pageInfo!: PageInfo;

    @Field(() => Int, {
      description: "Rows in the whole list; counted only when asked for.",
    })
    readonly totalCount!: Promise<number>;
  }
  return NodeConnection;
}

/** A page as a connection answers it. */
export function connectionOf<T>(
  list: string,
  page: Page<T>,
  after: string | null | undefined,
  totalCount: () => Promise<number>,
): Connection<T> {
  const edges = page.rows.map((node) => ({
    cursor: cursorOf(list, page.positionOf(node)),
    node,
  }));
  const pageInfo: PageInfo = {
    hasNextPage: page.hasNextPage,
    hasPreviousPage: Boolean(after),
    startCursor: edges.at(0)?.cursor ?? null,
    endCursor: page.endPosition === undefined ? (edges.at(-1)?.cursor ?? null) : cursorOf(list, page.endPosition),
  };
  return {
    edges,
    pageInfo,
    get totalCount() {
      return totalCount();
    },
  };
}

function checkedCurrency(value: unknown): string {
  if (typeof value === "string" && /^[A-Z0-9]{2,12}$/.test(value)) return value;
  throw new TypeError("A CurrencyCode is 2 to 12 capital letters and digits.");
}

function checkedDecimal(value: unknown): string {
  if (typeof value === "string" && /^-?\d{1,60}(\.\d{1,60})?$/.test(value)) return value;
  throw new TypeError("A Decimal is a string of digits with an optional fraction.");
}
