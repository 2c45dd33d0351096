import { hash } from "node:crypto";
import type { z } from "zod";
import type { Once } from "../../access/index.ts";
import type { Endpoint } from "../../contract/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { queryOf, readBody, statedLength } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";

/** Bytes of a body where its endpoint does not say. */
const standardBodyLimit = 64 * 1024;

/** What is wrong with which part of a request; goes to the client. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** Checks texts of path or query; what the schema calls a number or a truth value is read as one. @throws RegistryError REQUEST_INVALID */
export function parseTexts(
  schema: z.ZodObject | undefined,
  texts: Readonly<Record<string, string>>,
  where: "path" | "query",
): unknown {
  const values = Object.entries(texts).map(([name, text]): [string, unknown] => {
    const kind = kindOf(schema?.shape[name]);
    if (kind === "number" && /^\d{1,16}$/.test(text)) return [name, Number(text)];
    if (kind === "boolean" && (text === "true" || text === "false")) return [name, text === "true"];
    return [name, text];
  });
  if (schema === undefined) {
    if (values.length > 0)
      throw invalid(where, [{ field: values[0]![0], message: "means nothing here: leave it out" }]);
    return undefined;
  }
  return check(schema, Object.fromEntries(values), where);
}

/** Parameters of the query; none may come twice. @throws RegistryError REQUEST_INVALID */
export function queryTexts(exchange: Exchange): Record<string, string> {
  const texts: [string, string][] = [...queryOf(exchange)];
  const names = texts.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid("query", [{ field: twice, message: "is given twice: give it once" }]);
  return Object.fromEntries(texts);
}

/**
 * Reads and checks a JSON body. It is refused before it is read when it is too large or not called JSON: browsers send
 * other types across sites unasked.
 * @throws RegistryError REQUEST_INVALID, MEDIA_TYPE_INVALID, BODY_TOO_LARGE
 */
export async function readJson(
  exchange: Exchange,
  { body, bodyLimit = standardBodyLimit }: Endpoint,
): Promise<{ readonly value: unknown; readonly bytes: Uint8Array }> {
  if (body === undefined) {
    if (statedLength(exchange.request) === 0) return { value: undefined, bytes: new Uint8Array() };
    const bytes = await readBody(exchange, 0, () => invalid("body", [{ field: "", message: "means nothing here" }]));
    return { value: undefined, bytes };
  }
  const type = exchange.request.headers["content-type"] ?? "";
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(type)) {
    throw new RegistryError("MEDIA_TYPE_INVALID", "the body is not called JSON: send Content-Type: application/json");
  }
  const tooLarge = () =>
    new RegistryError("BODY_TOO_LARGE", `a body here has at most ${bodyLimit} bytes: send less at once`);
  const bytes = await readBody(exchange, bodyLimit, tooLarge);
  return { value: check(body, parseJson(bytes), "body"), bytes };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("body", [{ field: "", message: "is not JSON in UTF-8" }]);
  }
}

/** What `If-Match` names; undefined for any state. @throws RegistryError REQUEST_INVALID */
export function readVersions(exchange: Exchange, { conditional }: Endpoint): readonly string[] | undefined {
  const header = exchange.request.headers["if-match"];
  if (header === undefined) return undefined;
  if (conditional !== true)
    throw invalid("header", [{ field: "If-Match", message: "means nothing here: leave it out" }]);
  if (header.trim() === "*") return undefined;
  const versions = header.split(",").map((one) => /^\s*"([\x21\x23-\x7e]{1,64})"\s*$/.exec(one)?.[1]);
  if (versions.includes(undefined)) {
    throw invalid("header", [
      { field: "If-Match", message: "is no list of ETags in quotes: send the ETag as it came" },
    ]);
  }
  return versions as string[];
}

/** `Idempotency-Key`, bound to who asks, to the route with its names, and to the body. @throws RegistryError REQUEST_INVALID */
export function readOnce(exchange: Exchange, { once }: Endpoint, bytes: Uint8Array): Once | undefined {
  const key = exchange.request.headers["idempotency-key"];
  if (key === undefined || once !== true) return undefined;
  if (typeof key !== "string" || !/^[\x21-\x7e]{1,128}$/.test(key)) {
    const message = "has other than 1 to 128 characters without spaces: send a random UUID";
    throw invalid("header", [{ field: "Idempotency-Key", message }]);
  }
  const { principal, request, path } = exchange;
  const parts = [principal.kind, principal.id, principal.name, request.method, path, key];
  return { key: hash("sha256", JSON.stringify(parts), "hex"), body: hash("sha256", bytes, "hex") };
}

function check(schema: z.ZodObject, value: unknown, where: string): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw invalid(
    where,
    error.issues.slice(0, 20).map(({ path, message }) => ({ field: path.join("."), message })),
  );
}

function invalid(where: string, fields: readonly FieldProblem[]): RegistryError {
  const [first] = fields;
  const what =
    first === undefined ? where : `${where}${first.field === "" ? "" : ` field ${first.field.slice(0, 80)}`}`;
  const message = `the ${what} is not as it should be: ${first?.message ?? "read the API's documentation"}`;
  return new RegistryError("REQUEST_INVALID", message, { detail: { fields } });
}

/** Kind of a schema beneath what makes it optional. */
function kindOf(schema: unknown): string | undefined {
  let at = schema as { readonly def?: { readonly type: string; readonly innerType?: unknown } } | undefined;
  while (at?.def?.innerType !== undefined) at = at.def.innerType as typeof at;
  return at?.def?.type;
}
