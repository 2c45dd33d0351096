import type { Route } from "../../../src/api/distribution/route.ts";
import { ssoRoutes } from "../../../src/api/sso/index.ts";
import { grantTypes } from "../../../src/api/token/handle.ts";
import { apiPrefix, endpoints } from "../../../src/contract/index.ts";
import type { Endpoint } from "../../../src/contract/index.ts";
import type { Action } from "../../../src/policy/index.ts";
import { backgroundWishes } from "./background-wishes.ts";
import { rules } from "./cast.ts";
import { governanceSamples, governanceWishes, purgeWishes } from "./governance-wishes.ts";
import { digestOf, types } from "../wire-client.ts";

/*
 * What every route asks for. A new route has no row here, and the matrix fails until it has one: say what it takes, where.
 *
 *   anybody          whoever comes, with a good credential or none
 *   catalog          whoever has logged in, by no registry token that is for something else
 *   login            whoever has logged in
 *   here:<action>    the action on the repository or namespace that the path names
 *   above:<action>   the action on the namespace above the one that the body names
 *   server:<action>  the action on the root namespace
 *   self             the user that the path names, by a credential without a scope, or an owner of the server
 *   hidden:<action>  as `here`, but what it may not see is not there for it
 *   secret           whoever sends along what proves them; a login says nothing, and here nobody sends it
 *
 * Requests are made so that they change nothing when they are allowed: they name what is not there, are not whole, or carry
 * an ETag that is stale. What is refused is refused before that is looked at.
 */
export type Needs =
  | "anybody"
  | "catalog"
  | "login"
  | "secret"
  | "self"
  | `${"here" | "above" | "server" | "hidden"}:${Action}`;

/** A request of the matrix at one place. */
export interface Probe {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A line of the matrix without its places. */
export interface Row {
  /** As the golden file shows it. */
  readonly name: string;
  readonly needs: Needs;
  readonly places: readonly string[];
  readonly probe: (place: string) => Probe;
  /** Takes registry tokens. */
  readonly tokens: boolean;
  /** A way to log in: it looks at no header. */
  readonly isLogin?: true;
}

/** Private, public and missing; own, of somebody else, and of nobody. Names are equally long, for answers to be compared. */
export const repositories = ["mine/app", "mine/nil", "hers/app", "hers/nil", "open/app", "open/nil", "none/nil"];
const namespacePlaces = ["mine", "mine/nil", "hers", "hers/nil", "open", "none", "none/nil"];

export const image = JSON.stringify({
  schemaVersion: 2,
  mediaType: types.manifest,
  config: { mediaType: types.config, digest: digestOf("{}"), size: 2 },
  layers: [{ mediaType: types.layer, digest: digestOf("layer"), size: 5 }],
});
/** Names what no repository has. */
const unfounded = image.replaceAll(digestOf("layer"), digestOf("absent"));
const manifestType = { "content-type": types.manifest };

type Methods = Readonly<
  Record<string, readonly [needs: Needs, about: string, probe: Omit<Probe, "method" | "path">, path: string]>
>;

const plain = {};

/** By kind of route: what it takes by method. `path` goes below `/v2/<name>/`; methods that are not listed mean nothing. */
const distribution: Readonly<Record<Route["kind"], Methods>> = {
  base: { GET: ["login", "", plain, "/v2/"], HEAD: ["login", "", plain, "/v2/"] },
  catalog: { GET: ["catalog", "", plain, "/v2/_catalog"], HEAD: ["catalog", "", plain, "/v2/_catalog"] },
  manifest: {
    GET: ["here:pull", "by tag", plain, "manifests/v1"],
    "GET ": ["here:pull", "by digest", plain, `manifests/${digestOf(image)}`],
    HEAD: ["here:pull", "by tag", plain, "manifests/v1"],
    "HEAD ": ["here:pull", "by digest", plain, `manifests/${digestOf(image)}`],
    PUT: ["here:push", "by tag", { body: unfounded, headers: manifestType }, "manifests/new"],
    "PUT ": ["here:push", "by digest", { body: unfounded, headers: manifestType }, `manifests/${digestOf(unfounded)}`],
    DELETE: ["here:delete", "by tag", plain, "manifests/gone"],
    "DELETE ": ["here:delete", "by digest", plain, `manifests/${digestOf(image)}`],
  },
  blob: {
    GET: ["here:pull", "", plain, `blobs/${digestOf("layer")}`],
    "GET ": ["here:pull", "a part", { headers: { range: "bytes=1-2" } }, `blobs/${digestOf("layer")}`],
    HEAD: ["here:pull", "", plain, `blobs/${digestOf("layer")}`],
    DELETE: ["here:delete", "", plain, `blobs/${digestOf("layer")}`],
  },
  uploads: {
    POST: ["here:push", "", plain, "blobs/uploads/"],
    "POST ": ["here:push", "whole", { body: "other" }, `blobs/uploads/?digest=${digestOf("one")}`],
    "POST  ": ["here:push", "mount", plain, `blobs/uploads/?mount=${digestOf("none")}&from=hers/any`],
  },
  upload: {
    GET: ["here:push", "", plain, "blobs/uploads/unknown"],
    HEAD: ["here:push", "", plain, "blobs/uploads/unknown"],
    PATCH: ["here:push", "", { body: "chunk" }, "blobs/uploads/unknown"],
    PUT: ["here:push", "", { body: "" }, `blobs/uploads/unknown?digest=${digestOf("")}`],
    DELETE: ["here:push", "", plain, "blobs/uploads/unknown"],
  },
  tags: { GET: ["here:pull", "", plain, "tags/list"], HEAD: ["here:pull", "", plain, "tags/list"] },
  referrers: {
    GET: ["here:pull", "", plain, `referrers/${digestOf(image)}`],
    HEAD: ["here:pull", "", plain, `referrers/${digestOf(image)}`],
  },
};

const allMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"];

/** Lines of the Distribution API. */
export function distributionRows(): Row[] {
  return Object.entries(distribution).flatMap(([kind, methods]) =>
    Object.entries(methods).map(([method, [needs, about, probe, path]]): Row => {
      const whole = path.startsWith("/");
      return {
        name: `${method.trim()} ${kind}${about && ` ${about}`}`,
        needs,
        places: whole ? [""] : repositories,
        probe: (place) => ({ ...probe, method: method.trim(), path: whole ? path : `/v2/${place}/${path}` }),
        tokens: true,
      };
    }),
  );
}

/** Methods that mean nothing on a route of the Distribution API. */
export function meaninglessProbes(): Probe[] {
  return Object.values(distribution).flatMap((methods) => {
    const [[, , , path]] = Object.values(methods) as [Methods[string]];
    const known = Object.keys(methods).map((method) => method.trim());
    const at = path.startsWith("/") ? path : `/v2/mine/app/${path}`;
    return allMethods.filter((method) => !known.includes(method)).map((method) => ({ method, path: at }));
  });
}

/** What an endpoint of the management API takes; a body where the standard one, which no endpoint takes, comes too early. */
interface Wish {
  readonly needs: Needs;
  readonly body?: (place: string) => unknown;
  readonly query?: (place: string) => string;
  readonly places?: readonly string[];
  /** Parameters of the path that name something else than everywhere. */
  readonly samples?: Readonly<Record<string, string>>;
}

const server: Wish = { needs: "server:manage-access" };
const self: Wish = { needs: "self", places: ["reader", "hidden"] };
const login: Wish = { needs: "login" };
const here = (action: Action): Wish => ({ needs: `here:${action}` });
const rulePlaces = { places: [rules.mine, rules.hers, "rule-none"] };
const openRule = (namespace: string) => ({
  ...{ name: "new", namespace, issuer: "https://token.actions.githubusercontent.com", audience: "x", grants: [] },
  conditions: [{ claim: ["sub"], glob: "*" }],
});

/** By the operation's id. */
const management: Readonly<Record<string, Wish>> = {
  whoAmI: login,
  describeApi: { needs: "anybody" },
  listUsers: server,
  createUser: server,
  getUser: self,
  ...{ updateUser: self, deleteUser: { ...server, places: ["reader", "hidden"] }, changePassword: self },
  listGroups: server,
  createGroup: server,
  getGroup: server,
  updateGroup: server,
  deleteGroup: server,
  listMembers: server,
  addMember: server,
  removeMember: server,
  listTokens: self,
  createToken: self,
  getToken: self,
  listLogins: self,
  endLogin: self,
  revokeToken: self,
  revokeTokens: self,
  listNamespaces: login,
  createNamespace: {
    needs: "above:manage-settings",
    body: (path) => ({ path: `${path}/kid` }),
    places: namespacePlaces,
  },
  getNamespace: here("pull"),
  updateNamespace: here("manage-settings"),
  deleteNamespace: here("manage-access"),
  listTrustRules: login,
  createTrustRule: { needs: "here:manage-access", body: openRule, places: ["mine", "hers", "open", "none"] },
  getTrustRule: { needs: "hidden:manage-access", ...rulePlaces },
  updateTrustRule: { needs: "hidden:manage-access", ...rulePlaces, body: () => ({ disabled: true }) },
  takeOverTrustRule: { needs: "hidden:manage-access", ...rulePlaces, body: () => ({}) },
  deleteTrustRule: { needs: "hidden:manage-access", ...rulePlaces, body: () => undefined },
  listTrustPresets: login,
  listAudit: { needs: "server:read-audit" },
  listNamespaceAudit: here("read-audit"),
  ...{ listRobots: here("manage-robots"), createRobot: here("manage-robots"), getRobot: here("manage-robots") },
  updateRobot: here("manage-robots"),
  deleteRobot: here("manage-robots"),
  rotateRobot: here("manage-robots"),
  takeOverRobot: here("manage-access"),
  listNamespaceGrants: here("manage-access"),
  createNamespaceGrant: here("manage-access"),
  getNamespaceGrant: here("manage-access"),
  deleteNamespaceGrant: here("manage-access"),
  listRepositoryGrants: here("manage-access"),
  createRepositoryGrant: here("manage-access"),
  getRepositoryGrant: here("manage-access"),
  deleteRepositoryGrant: here("manage-access"),
  listRepositories: login,
  // Where one is there: others would be made.
  createRepository: {
    ...here("create-repository"),
    body: (name) => ({ name }),
    places: repositories.filter((name) => name.endsWith("/app")),
  },
  getRepository: here("pull"),
  updateRepository: here("manage-settings"),
  renameRepository: here("delete-repository"),
  deleteRepository: here("delete-repository"),
  ...{ listImages: here("pull"), getImage: here("pull"), deleteImage: here("delete") },
  setImageClass: here("manage-settings"),
  ...{ listTags: here("pull"), getTag: here("pull"), setTag: here("push"), deleteTag: here("delete") },
  ...backgroundWishes,
  ...governanceWishes,
  explainAccess: {
    ...here("manage-access"),
    query: (name) => `principal=low&action=pull&name=${name}`,
    places: repositories,
  },
};

const form = (fields: Record<string, string>) => ({
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
});
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";

/** The token endpoint's forms, by `grant_type`: whose login they hold decides, not the header. Here they hold none that is good. */
const grants: Readonly<Record<string, Omit<Probe, "method" | "path">>> = {
  password: form({ grant_type: "password", username: "a:b", password: "c" }),
  refresh_token: form({ grant_type: "refresh_token", refresh_token: "berth_ref_x" }),
  [exchange]: form({
    grant_type: exchange,
    subject_token: "x",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  }),
};

/** Single sign-on, by method and path. */
const signOn: Readonly<Record<string, readonly [needs: Needs, probe: Omit<Probe, "method" | "path">]>> = {
  "GET /device": ["anybody", plain],
  "POST /device": ["anybody", form({ user_code: "BBBB-BBBB" })],
  "GET /api/v1/sso/providers": ["anybody", plain],
  "POST /api/v1/sso/token": ["secret", { body: JSON.stringify({ code: "x", verifier: "y" }) }],
  "POST /api/v1/sso/device": ["anybody", form({ client_id: "x" })],
  "POST /api/v1/sso/device/token": ["anybody", form({ grant_type: "x" })],
  "GET /api/v1/sso/{provider}/start": ["anybody", plain],
  "GET /api/v1/sso/{provider}/callback": ["secret", plain],
};

/** Lines of the ways to log in. */
export function loginRows(): Row[] {
  const row = (name: string, needs: Needs, probe: Probe): Row => ({
    ...{ name, needs, places: [""], tokens: true, isLogin: true },
    probe: () => probe,
  });
  return [
    ...Object.entries(grants).map(([type, probe]) =>
      row(`POST token ${type.split(":").at(-1)}`, "secret", { ...probe, method: "POST", path: "/token" }),
    ),
    ...Object.entries(signOn).map(([name, [needs, probe]]) => {
      const [method = "", path = ""] = name.replace("{provider}", "okta").split(" ");
      return row(name.replace("/api/v1", ""), needs, { ...probe, method, path });
    }),
  ];
}

/** Endpoints that the table above does not know, and rows of endpoints that are no more. */
export function findMissingRows(): string[] {
  const known = Object.keys(endpoints);
  return [
    ...known.filter((id) => !(id in management)).map((id) => `${id} has no row in tests/support/permissions/rows.ts`),
    ...Object.keys(management)
      .filter((id) => !known.includes(id))
      .map((id) => `${id} is no endpoint any more`),
    ...differing(Object.keys(ssoRoutes), Object.keys(signOn)),
    ...differing(grantTypes, Object.keys(grants)),
  ];
}

function differing(there: readonly string[], here: readonly string[]): string[] {
  return [
    ...there
      .filter((name) => !here.includes(name))
      .map((name) => `${name} has no row in tests/support/permissions/rows.ts`),
    ...here.filter((name) => !there.includes(name)).map((name) => `${name} is no route any more`),
  ];
}

/** Lines of the management API. */
export function managementRows(): Row[] {
  const purges: Readonly<Record<string, Wish>> = purgeWishes;
  return Object.entries(endpoints as Readonly<Record<string, Endpoint>>).flatMap(([id, endpoint]) => {
    const wishes = [management[id], purges[id]];
    return wishes.flatMap((wish, index): Row[] => {
      if (wish === undefined) return [];
      return [
        {
          name: `${endpoint.method} ${id}${index === 0 ? "" : " purge"}`,
          needs: wish.needs,
          places: wish.places ?? placesOf(endpoint),
          probe: (place) => probeOf(endpoint, wish, place),
          tokens: false,
        },
      ];
    });
  });
}

function placesOf({ path }: Endpoint): readonly string[] {
  if (/\{path[+*]\}/.test(path)) return namespacePlaces;
  return /\{name[+*]\}/.test(path) ? repositories : [""];
}

/** Parameters that name something at the place, there or not. */
const samples: Readonly<Record<string, string>> = {
  group: "crew",
  ...governanceSamples,
  robot: "ci",
  tag: "v1",
  digest: digestOf(image),
};

function probeOf(endpoint: Endpoint, wish: Wish, place: string): Probe {
  const { method } = endpoint;
  const named = endpoint.path.replaceAll(/\{(\w+)([+*]?)\}/g, (_all, name: string, many: string) => {
    if (many !== "" || (wish.places !== undefined && /^(?:user|rule|webhook|run)$/.test(name))) return place;
    return (
      wish.samples?.[name] ??
      samples[name] ??
      (/^(?:id|grant|token|secret|login|job|delivery|hold|entry|preview)$/.test(name) ? "4711" : "nobody")
    );
  });
  const path = `${apiPrefix}${named}${wish.query === undefined ? "" : `?${wish.query(place)}`}`;
  if (method === "GET") return { method, path };
  // A key with a space in it is refused after the question of rights, and an ETag that nothing has, too.
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (endpoint.once === true && endpoint.auth.place !== "known") headers["idempotency-key"] = "no key";
  if (endpoint.conditional === true) headers["if-match"] = '"stale"';
  const given = wish.body === undefined ? { "not a field": true } : wish.body(place);
  return { method, path, headers, ...(given === undefined ? {} : { body: JSON.stringify(given) }) };
}
