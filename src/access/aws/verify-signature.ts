import { randomBytes } from "node:crypto";
import type { Access } from "../access.ts";
import { lookUpHolder } from "../find-holder.ts";
import type { Holder } from "../holder.ts";
import { noteUse } from "../keep-uses.ts";
import { anonymous, operator } from "../principal.ts";
import type { Caller, Principal, Where } from "../principal.ts";
import { findKey } from "./access-keys.ts";
import { deriveKey, findScope, isSignedWith, readClaimedKey, readSignature } from "./read-signature.ts";
import type { Claimed } from "./read-signature.ts";
import { openSessionKey } from "./sessions.ts";
import { SignatureError } from "./signature-error.ts";
import type { SignedRequest } from "./signed-request.ts";

/** Who signed a request, and for where. */
export interface Signed {
  readonly caller: Caller;
  readonly accessKeyId: string;
  /** Of the signature's scope: what the request is about. */
  readonly region: string;
}

/** Region of a request that nobody signed, in open mode. */
const standardRegion = "us-east-1";

/** Keys, signing keys and logins remembered at most; all of a kind are forgotten when there are more. */
const limit = 10_000;
/** How long a login that was looked at is remembered, in milliseconds, as other credentials are. */
const rememberFor = 60_000;

/** What is known of a key pair: for one access version. */
interface Known {
  readonly version: number;
  readonly secret: string;
  readonly holder: Holder;
  /** Looked at anew from then on; milliseconds since 1970. */
  readonly until: number;
  readonly principal: Principal;
}

interface Memory {
  /** By access key id. */
  readonly known: Map<string, Known>;
  /** By secret's owner and scope; of good signatures alone, so that strangers fill it with nothing. */
  readonly keys: Map<string, Buffer>;
  /** Stands in for the secret of a key that is not there, so that such a request costs what others cost. */
  readonly decoy: string;
}

const memories = new WeakMap<Access, Memory>();

/**
 * Who signed a request with Signature Version 4, in its header or its query. In open mode everybody is the operator, whatever
 * is shown. What is refused is noted for the audit rows.
 * @param service for which the request is, by what it asks for: `ecr`, `sts`, `kms`, …
 * @param now milliseconds since 1970
 * @throws SignatureError with what is wrong by its name in AWS; RegistryError UNAVAILABLE when the rows cannot be read
 */
export async function verifySignature(
  access: Access,
  request: SignedRequest,
  { service, where, now = Date.now() }: { readonly service: string; readonly where: Where; readonly now?: number },
): Promise<Signed> {
  const { address, id } = where;
  if (access.settings.open) {
    const { accessKeyId = "", region = standardRegion } = findScope(request) ?? {};
    return { caller: { principal: operator, address, id }, accessKeyId, region };
  }
  const failure: Failure = { credential: null, whose: "" };
  try {
    const claimed = readSignature(request, { service, now });
    const principal = await findSigner(access, claimed, failure);
    const { accessKeyId, region } = claimed;
    return { caller: { principal: noteUse(access, principal), address, id }, accessKeyId, region };
  } catch (error) {
    if (error instanceof SignatureError) note(access, where, error, failure);
    throw error;
  }
}

/**
 * Refuses a request of which the head alone shows that its signature is none: unsigned, for another service or time, by a key that
 * is not there. What passes is not proved; for bodies so large that a stranger's is better not read.
 * @throws SignatureError, RegistryError as {@link verifySignature} does
 */
export async function foreseeSignature(
  access: Access,
  request: Pick<SignedRequest, "query" | "headers">,
  { service, where, now = Date.now() }: { readonly service: string; readonly where: Where; readonly now?: number },
): Promise<void> {
  if (access.settings.open) return;
  try {
    const { accessKeyId, sessionToken } = readClaimedKey(request, { service, now });
    const remembered = memoryOf(access).known.get(accessKeyId);
    if (remembered?.version === access.version.current()) return;
    if ((await findSecret(access, { accessKeyId, sessionToken })) === undefined) throw unknownKey();
  } catch (error) {
    if (error instanceof SignatureError) note(access, where, error, { credential: null, whose: "" });
    throw error;
  }
}

/** What is known of whoever is refused. */
interface Failure {
  credential: string | null;
  whose: string;
}

async function findSigner(access: Access, claimed: Claimed, failure: Failure): Promise<Principal> {
  const { known } = memoryOf(access);
  const version = access.version.current();
  // The token of a session is looked at whenever it is shown.
  const stays = claimed.sessionToken === undefined && !claimed.accessKeyId.startsWith("ASIA");
  const remembered = stays ? known.get(claimed.accessKeyId) : undefined;
  if (remembered?.version === version && remembered.until > Date.now()) {
    requireSignedWith(access, claimed, remembered.secret);
    return remembered.principal;
  }
  const found = await findSecret(access, claimed);
  requireSignedWith(access, claimed, found?.secret);
  const { secret, holder } = found!;
  failure.credential = holder.credential;
  const session = claimed.sessionToken === undefined ? undefined : known.get(claimed.accessKeyId);
  if (session?.version === version && session.until > Date.now()) return session.principal;
  const held = await lookUpHolder(access, holder);
  if ("ended" in held) {
    failure.whose = held.whose;
    throw endedKey(claimed);
  }
  const { principal, until, again = until } = held;
  if (known.size >= limit) known.clear();
  const soon = Date.now() + rememberFor;
  known.set(claimed.accessKeyId, { version, secret, holder, principal, until: Math.min(until, again, soon) });
  return principal;
}

/** Of a key pair that stays, from its row; of a session's, from the token that came along. */
async function findSecret(
  access: Access,
  { accessKeyId, sessionToken }: Pick<Claimed, "accessKeyId" | "sessionToken">,
): Promise<{ readonly secret: string; readonly holder: Holder } | undefined> {
  if (sessionToken === undefined) return findKey(access, accessKeyId);
  return openSessionKey(access, accessKeyId, sessionToken);
}

/** @param secret undefined when there is no such key @throws SignatureError */
function requireSignedWith(access: Access, claimed: Claimed, secret: string | undefined): void {
  const { keys, decoy } = memoryOf(access);
  const { accessKeyId, day, region, service } = claimed;
  const scope = `${accessKeyId}/${day}/${region}/${service}`;
  const kept = secret === undefined ? undefined : keys.get(scope);
  const key = kept ?? deriveKey(secret ?? decoy, claimed);
  const good = isSignedWith(claimed, key);
  if (secret === undefined) throw unknownKey();
  if (!good) throw new SignatureError("InvalidSignatureException", mismatch);
  if (kept !== undefined) return;
  if (keys.size >= limit) keys.clear();
  keys.set(scope, key);
}

const mismatch =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

function unknownKey(): SignatureError {
  return new SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.");
}

function endedKey({ sessionToken }: Claimed): SignatureError {
  if (sessionToken === undefined) return unknownKey();
  return new SignatureError("ExpiredTokenException", "The security token included in the request is expired");
}

/** Names of headers and the like in a message came from the client: the row takes a short one. */
function note(access: Access, { address, id }: Where, error: SignatureError, { credential, whose }: Failure): void {
  if (error.code === "MissingAuthenticationTokenException") return;
  const reason = `${error.code}: ${error.message}`.slice(0, 300);
  const by = { principal: anonymous.name, credential, address, request: id, reason };
  access.refusals.note({ by, action: "login", repository: "", target: whose, challenged: false });
}

function memoryOf(access: Access): Memory {
  let memory = memories.get(access);
  if (memory === undefined) {
    memory = { known: new Map(), keys: new Map(), decoy: randomBytes(30).toString("base64") };
    memories.set(access, memory);
  }
  return memory;
}
