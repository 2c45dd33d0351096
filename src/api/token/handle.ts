import { authenticate, createRefreshToken, getRefreshed, issueToken, listPublicKeys } from "../../access/index.ts";
import type { Access, Principal } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { queryOf, readBody, sendError, sendJson } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { wireOf } from "./errors.ts";
import { readScopes } from "./scope.ts";

/** What the token endpoint works with. */
export interface TokenDoor {
  readonly access: Access;
  /** Told of what breaks. */
  readonly broke: (exchange: Exchange, error: unknown) => void;
  /** The registry's error for whatever was run into. */
  readonly translate: (error: unknown) => RegistryError;
}

/** Where clients fetch tokens; every challenge names it. */
export const tokenPath = "/token";
/** Where others find the keys that sign them (RFC 8414). */
export const keysPath = "/.well-known/jwks.json";

/** A form of credentials is small (bytes). */
const formLimit = 64 * 1024;

/** Answers a request for a registry token, or for the public keys. */
export function handleToken(door: TokenDoor, exchange: Exchange): void {
  void answer(door, exchange).catch((error: unknown) => {
    const translated = door.translate(error);
    const { code } = translated;
    if (code === "INTERNAL" || code === "UNAVAILABLE" || code === "STORAGE_FULL") door.broke(exchange, error);
    const login = code === "UNAUTHORIZED" ? ["WWW-Authenticate", 'Basic realm="Berth", charset="UTF-8"'] : [];
    sendError(exchange, translated, wireOf(code), login);
  });
}

async function answer(door: TokenDoor, exchange: Exchange): Promise<void> {
  const { method } = exchange.request;
  const keys = exchange.path === keysPath;
  exchange.route = keys ? "keys" : "token";
  const reads = method === "GET" || method === "HEAD";
  if (!reads && (keys || method !== "POST")) {
    const allow = keys ? "GET, HEAD" : "GET, HEAD, POST";
    const error = new RegistryError("UNSUPPORTED", `${method} means nothing here: use ${allow}`);
    return sendError(exchange, error, { ...wireOf("UNSUPPORTED"), status: 405 }, ["Allow", allow]);
  }
  if (keys) {
    const set = JSON.stringify({ keys: await listPublicKeys(door.access) });
    return sendJson(exchange, 200, ["Cache-Control", "public, max-age=60"], set);
  }
  const asked = reads ? await readQuery(door.access, exchange) : await readForm(door.access, exchange);
  exchange.principal = asked.principal;
  const { audience } = exchange;
  if (asked.service !== undefined && asked.service.toLowerCase() !== audience) {
    const message = `this registry is called ${audience}, not what service says: log in to that name, or tell the operator to set publicUrl and trustedProxies`;
    throw new RegistryError("REQUEST_INVALID", message);
  }
  const issued = await issueToken(door.access, exchange, audience, readScopes(asked.scopes));
  const refresh = asked.offline ? await createRefreshToken(door.access, exchange, asked.client) : asked.refresh;
  const { token, expiresIn, issuedAt } = issued;
  const document = {
    token,
    access_token: token,
    expires_in: expiresIn,
    issued_at: new Date(issuedAt).toISOString(),
    ...(asked.exchanged === true ? { token_type: "Bearer", issued_token_type: accessTokenType } : {}),
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  };
  sendJson(exchange, 200, ["Cache-Control", "no-store"], JSON.stringify(document));
}

/** A request for a token, and who makes it. */
interface Asked extends Granted {
  readonly scopes: readonly string[];
  readonly service: string | undefined;
  /** What the client calls itself. */
  readonly client: string;
  /** It wants a refresh token. */
  readonly offline: boolean;
}

interface Granted {
  readonly principal: Principal;
  /** The refresh token that it showed, which goes on. */
  readonly refresh?: string | undefined;
  /** An identity token was exchanged. */
  readonly exchanged?: true;
}

/** `GET`: a login in the header, or none for what is public. `account` is what docker adds; the header decides. */
async function readQuery(access: Access, exchange: Exchange): Promise<Asked> {
  const query = queryOf(exchange);
  const offline = query.get("offline_token") === "true" || query.get("access_type") === "offline";
  return {
    ...commonOf(query, offline),
    principal: await login(access, exchange, exchange.request.headers.authorization),
  };
}

/** `POST`: the form of RFC 6749. */
async function readForm(access: Access, exchange: Exchange): Promise<Asked> {
  const bytes = await readBody(exchange, formLimit, () => {
    return new RegistryError("REQUEST_INVALID", "the form is larger than 64 KiB: send one login and its scopes");
  });
  const form = new URLSearchParams(bytes.toString("utf8"));
  const type = form.get("grant_type") ?? "";
  const grant = Object.hasOwn(grants, type) ? grants[type] : undefined;
  if (grant === undefined) {
    throw new RegistryError("UNSUPPORTED", `grant_type is not one of ${grantTypes.join(", ")}`);
  }
  const granted = await grant(access, exchange, form);
  const offline = granted.refresh === undefined && form.get("access_type") === "offline";
  return { ...commonOf(form, offline), ...granted };
}

function commonOf(parameters: URLSearchParams, offline: boolean): Omit<Asked, keyof Granted> {
  return {
    scopes: parameters.getAll("scope"),
    service: parameters.get("service") ?? undefined,
    client: parameters.get("client_id") ?? "unknown",
    offline,
  };
}

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
/** RFC 8693, section 3. */
const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
const identityTokenTypes = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

/** What a form of one `grant_type` gives. @throws RegistryError UNAUTHORIZED, REQUEST_INVALID */
type Grant = (access: Access, exchange: Exchange, form: URLSearchParams) => Promise<Granted>;

/** By `grant_type`. */
const grants: Readonly<Record<string, Grant>> = {
  async password(access, exchange, form) {
    const [name, password] = [getField(form, "username"), getField(form, "password")];
    const header = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
    return { principal: await login(access, exchange, name.includes(":") ? "" : header) };
  },
  async refresh_token(access, _exchange, form) {
    const refresh = getField(form, "refresh_token");
    return { principal: await getRefreshed(access, refresh), refresh };
  },
  /** RFC 8693: the identity token of a workload for a token of ours. */
  async [exchangeGrant](access, exchange, form) {
    const [type, wanted] = [getField(form, "subject_token_type"), form.get("requested_token_type") ?? accessTokenType];
    if (!identityTokenTypes.includes(type)) {
      throw new RegistryError("REQUEST_INVALID", `subject_token_type is not one of ${identityTokenTypes.join(", ")}`);
    }
    if (wanted !== accessTokenType) {
      throw new RegistryError("REQUEST_INVALID", `requested_token_type is not ${accessTokenType}: leave it out`);
    }
    const header = `Basic ${Buffer.from(`oidc:${getField(form, "subject_token")}`).toString("base64")}`;
    return { principal: await login(access, exchange, header), exchanged: true };
  },
};

/** Values of `grant_type` that are taken. */
export const grantTypes: readonly string[] = Object.keys(grants);

function getField(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value !== null) return value;
  throw new RegistryError("REQUEST_INVALID", `the form has no ${name}: add it`);
}

/** A registry token is no login: with it a token could be had for ever. */
function login(access: Access, exchange: Exchange, header: string | undefined): Promise<Principal> {
  const { address, id, certificate } = exchange;
  return authenticate(access, header, { address, id, certificate, audience: undefined });
}
