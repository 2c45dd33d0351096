import { z } from "zod";
import { apiPrefix, endpoints, problem } from "../../contract/index.ts";
import type { Endpoint } from "../../contract/index.ts";
import { nodeHttp } from "../../lib/index.ts";
import type { RegistryErrorCode } from "../../oci/index.ts";
import { managementErrors } from "./errors.ts";

/** What can go wrong with every request. */
const everywhere: readonly RegistryErrorCode[] = ["REQUEST_INVALID", "TOO_MANY_REQUESTS", "INTERNAL", "UNAVAILABLE"];

type Document = Record<string, unknown>;

let described: Document | undefined;

/** The API as an OpenAPI 3.1 document, made from the contract. */
export function describeApi(): Document {
  return (described ??= build());
}

function build(): Document {
  const schemas = new Map<string, unknown>();
  const paths: Record<string, Document> = {};
  for (const [id, endpoint] of Object.entries(endpoints) as [string, Endpoint][]) {
    const path = apiPrefix + endpoint.path.replaceAll(/[+*]\}/g, "}");
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = describeOperation(id, endpoint, schemas);
  }
  schemas.set("Problem", schemaOf(problem, "output", schemas));
  return {
    openapi: "3.1.0",
    info: {
      title: "Berth's management API",
      version: "1",
      description:
        "Who may do what, and what is there. Slashes in names of repositories and namespaces stand as they are, or as %2F. `-` stands for the root namespace.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ basic: [] }, { token: [] }],
    tags: [...new Set(Object.values(endpoints).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        basic: { type: "http", scheme: "basic", description: "A user's name and password or token, or a robot's." },
        token: { type: "http", scheme: "bearer", description: "A personal token." },
      },
      schemas: Object.fromEntries(schemas),
    },
  };
}

function describeOperation(id: string, endpoint: Endpoint, schemas: Map<string, unknown>): Document {
  const { auth, parameters, query, body, once, conditional } = endpoint;
  const needs = "action" in auth ? `Needs \`${auth.action}\` on ${placeText[auth.place]}.` : placeText[auth.place];
  const headers = [
    ...(once ? [header("Idempotency-Key", "A random text; sent again within a day, nothing is made twice")] : []),
    ...(conditional ? [header("If-Match", "The ETag of the state that is to be changed")] : []),
  ];
  const content = { "application/json": { schema: body && schemaOf(body, "input", schemas) } };
  return {
    operationId: id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: [endpoint.about, needs].filter((text) => text !== undefined).join(" "),
    parameters: [...describeParameters(parameters, "path"), ...describeParameters(query, "query"), ...headers],
    ...(body && { requestBody: { required: true, content } }),
    ...(auth.place === "none" && { security: [] }),
    responses: describeAnswers(endpoint, schemas),
  };
}

const placeText = {
  none: "Anybody may ask.",
  known: "Whoever has logged in may ask.",
  self: "the root namespace, unless it is about the user itself",
  root: "the root namespace",
  namespace: "the namespace",
  repository: "the repository",
  parent: "the namespace above",
};

function header(name: string, description: string): Document {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function describeParameters(schema: z.ZodObject | undefined, where: "path" | "query"): Document[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, type]) => {
    const { description, ...rest } = schemaOf(type as z.ZodType, "input", new Map()) as { description?: string };
    const required = where === "path" || !(type as z.ZodType).safeParse(undefined).success;
    return { name, in: where, required, ...(description !== undefined && { description }), schema: rest };
  });
}

function describeAnswers(endpoint: Endpoint, schemas: Map<string, unknown>): Document {
  const { status, answer, auth, body, conditional, errors } = endpoint;
  const refusable = endpoint.method !== "GET" && endpoint.whenReadOnly !== true;
  const codes: RegistryErrorCode[] = [...everywhere, ...errors, ...(refusable ? (["READ_ONLY"] as const) : [])];
  if (auth.place !== "none") codes.push("UNAUTHORIZED");
  if ("action" in auth) codes.push("DENIED");
  if (body !== undefined) codes.push("BODY_TOO_LARGE", "MEDIA_TYPE_INVALID");
  if (conditional) codes.push("VERSION_CHANGED");
  const byStatus = Map.groupBy(codes, (code) => managementErrors[code].status);
  const problems = [...byStatus].map(([number, some]): [string, unknown] => [
    String(number),
    {
      description: `${nodeHttp().STATUS_CODES[number]}: ${[...new Set(some)].join(", ")}`,
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    },
  ]);
  const content = { "application/json": { schema: answer && schemaOf(answer, "output", schemas) } };
  const done = { description: endpoint.summary, ...(answer && { content }) };
  return Object.fromEntries([[String(status), done], ...problems]);
}

/** JSON Schema of one part; what has a name goes to `schemas` and is referred to. */
function schemaOf(schema: z.ZodType, io: "input" | "output", schemas: Map<string, unknown>): object {
  const {
    $schema: _,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as {
    $schema?: string;
    $defs?: Record<string, object>;
  };
  for (const [name, definition] of Object.entries($defs ?? {})) schemas.set(name, pointToComponents(definition));
  return pointToComponents(rest) as object;
}

function pointToComponents(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
