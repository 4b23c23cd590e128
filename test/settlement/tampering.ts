type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type Members = Readonly<Record<string, Json>>;

/** Members by the place of the objects that have them, each with a value that one of them has. */
type Known = ReadonlyMap<string, Members>;

/** A document in which one thing was altered, once it is asked for. */
type Altered = () => unknown;

const ALIKE_MAX = 60;

/**
 * Every way to alter one thing of some documents: a value changed or written otherwise, a member removed or added (of
 * those that its like has elsewhere), an item removed, doubled or exchanged with the next. Each by what was altered, in
 * words that are the same for its like (`/lines/CAP/inputs/maximum changed`), in some documents that have it, the
 * smallest first.
 */
export function tampersOf(documents: readonly unknown[]): ReadonlyMap<string, readonly Altered[]> {
  const found = new Map<string, Altered[]>();
  const bySize = documents.map((document) => ({ document, size: JSON.stringify(document).length }));
  const tampering = new Tampering(membersIn(documents), (what, altered) => {
    const alike = found.get(what) ?? [];
    if (alike.length < ALIKE_MAX) found.set(what, [...alike, altered]);
  });
  for (const { document } of bySize.sort((a, b) => a.size - b.size)) {
    tampering.visit(document as Json, { place: "", whole: (altered) => altered });
  }
  return found;
}

/** Where a value stands, and the whole document with another one in its place. */
interface Spot {
  readonly place: string;
  readonly whole: (altered: Json) => Json;
}

class Tampering {
  constructor(
    readonly known: Known,
    readonly tell: (what: string, altered: Altered) => void,
  ) {}

  visit(value: Json, spot: Spot): void {
    if (isList(value)) this.#visitList(value, spot);
    else if (isObject(value)) this.#visitObject(value, spot);
    else for (const [how, altered] of alterations(value)) this.#tell(spot, how, () => altered);
  }

  #visitList(items: readonly Json[], { place, whole }: Spot): void {
    for (const [index, item] of items.entries()) {
      const own = `${place}/${nameOf(item, place)}`;
      const among = (...instead: readonly Json[]) =>
        whole([...items.slice(0, index), ...instead, ...items.slice(index + 1)]);
      this.visit(item, { place: own, whole: among });
      const spot = { place: own, whole };
      this.tell(`${own} removed`, () => among());
      this.tell(`${own} doubled`, () => among(item, item));
      const next = items[index + 1];
      if (next === undefined || JSON.stringify(next) === JSON.stringify(item)) continue;
      this.#tell(spot, "exchanged", () => [...items.slice(0, index), next, item, ...items.slice(index + 2)]);
    }
  }

  #visitObject(value: Members, { place, whole }: Spot): void {
    for (const [name, member] of Object.entries(value)) {
      const own = `${place}/${name}`;
      this.visit(member, { place: own, whole: (altered) => whole({ ...value, [name]: altered }) });
      const { [name]: _, ...rest } = value;
      this.#tell({ place: own, whole }, "removed", () => rest);
    }
    const missing = Object.entries(this.known.get(general(place)) ?? {}).filter(
      ([name]) => !Object.hasOwn(value, name),
    );
    const added = place.endsWith("/inputs") ? missing.slice(0, 1) : missing;
    for (const [name, member] of added) {
      this.#tell({ place: `${place}/${name}`, whole }, "added", () => ({ ...value, [name]: member }));
    }
  }

  #tell({ place, whole }: Spot, how: string, altered: () => Json): void {
    this.tell(`${place} ${how}`, () => whole(altered()));
  }
}

/** What a value may be instead: another one, and the same one written otherwise. */
function alterations(value: string | number | boolean | null): readonly (readonly [how: string, value: Json])[] {
  if (value === null) return [["given", "0.00"]];
  if (typeof value === "boolean") return [["changed", !value]];
  if (typeof value === "number") return [["changed", value + 1]];
  const digit = /\d(?=$|T)/;
  if (!digit.test(value)) return [["changed", value === "" ? "x" : `${value.slice(0, -1)}~`]];
  const changed = value.replace(digit, (last) => String((Number(last) + 1) % 10));
  if (!/^-?\d+(\.\d+|\/\d+)?$/.test(value)) return [["changed", changed]];
  const longer = value.includes(".") ? `${value}0` : `${value}.0`;
  return [
    ["changed", changed],
    ["respelled", value.includes("/") ? `${value.replace("/", "0/")}0` : longer],
  ];
}

/** The members that objects have anywhere in some documents. */
function membersIn(documents: readonly unknown[]): Known {
  const known = new Map<string, Record<string, Json>>();
  const visit = (value: Json, place: string): void => {
    if (isList(value)) for (const item of value) visit(item, `${place}/${nameOf(item, place)}`);
    else if (isObject(value)) {
      const members = known.get(general(place)) ?? {};
      known.set(general(place), members);
      for (const [name, member] of Object.entries(value)) {
        members[name] ??= member;
        visit(member, `${place}/${name}`);
      }
    }
  };
  for (const document of documents) visit(document as Json, "");
  return known;
}

/** By what an item is told from those that are not its like: a line's code, a total's kind; else nothing. */
function nameOf(item: Json, place: string): string {
  if (!isObject(item) || place.startsWith("/origins")) return "*";
  const { code, kind, name, originPeriodId } = item;
  if (place === "/lines" && typeof code === "string") return code;
  if (place === "/totals" && typeof kind === "string") {
    return `${kind.replace("ROLLBACK_", "")}${originPeriodId === null ? "" : ":late"}`;
  }
  return place.startsWith("/state") && typeof name === "string" ? name : "*";
}

/** A place of which only the shape counts: the same for every line, total or item of state. */
function general(place: string): string {
  return place.replaceAll(/\/(lines|totals|late|opening|closing)\/[^/]+/g, "/$1/*");
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
