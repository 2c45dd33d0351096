import { describeAwsIdentity, isContentSession, partitionOf } from "../../access/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import { queryOf } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import type { Face, Told } from "./challenge.ts";
import { matchRoute } from "./route.ts";
import type { Route } from "./route.ts";

/** An account of ECR, as its clients see this registry. */
export interface HostAccount {
  /** 12 digits. */
  readonly id: string;
  readonly region: string;
  /** Path of the namespace whose repositories it has; empty for the root. */
  readonly namespace: string;
}

/** What the registry is for clients of ECR. */
export interface EcrFaceOptions {
  /** The account that a host stands for; that of all other hosts when it is no account's. */
  readonly accountOf: (host: string) => HostAccount;
  /** Whether a push makes a repository, also where no template of the account says so. */
  readonly createOnPush: boolean;
  /** Whether tags that do not move are refused as there: for the manifest that they name already, too, and those of signatures. */
  readonly strict: boolean;
}

/** Host names of accounts: `123456789012.dkr.ecr.eu-central-1.example.com:5000`. People write fewer digits. */
const accountHost = /^\d+\.dkr[.-]ecr(?:-fips)?(?:\.[a-z0-9-]+)+(?::\d{1,5})?$/i;

/** Whether the client calls the registry by a name of an account, whatever `publicUrl` says. */
export function isAccountHost(exchange: Exchange): boolean {
  const { host } = exchange.origin;
  return host !== undefined && accountHost.test(host);
}

/** For hosts of accounts: Basic, as `docker login` after `aws ecr get-login-password`, and ECR's own words. */
export function ecrFace(options: EcrFaceOptions): Face {
  const accountNamespace = ({ origin }: Exchange) => options.accountOf(origin.host ?? "").namespace;
  return {
    challenge({ origin: { scheme, host } }) {
      return `Basic realm="${scheme}://${host ?? "localhost"}/",service="ecr.amazonaws.com"`;
    },
    tell(exchange, error) {
      if (error.code === "UNAUTHORIZED" && !isExpired(error))
        return { status: 401, code: "UNAUTHORIZED", plain: "Not Authorized\n" };
      return tellAsEcr(options, exchange, error);
    },
    enter(exchange) {
      const namespace = accountNamespace(exchange);
      const route = matchRoute(exchange.path);
      if (namespace === "" || route === undefined || !("name" in route)) return;
      const isWhole = (name: string) => name.startsWith(`${namespace}/`);
      const from = route.kind === "uploads" ? queryOf(exchange).get("from") : null;
      const path = isWhole(route.name) ? exchange.path : `/v2/${namespace}/${exchange.path.slice("/v2/".length)}`;
      if (from !== null && from !== "" && !isWhole(from)) {
        const query = queryOf(exchange);
        query.set("from", `${namespace}/${from}`);
        exchange.retarget(path, query.toString());
      } else if (path !== exchange.path) exchange.retarget(path);
    },
    strict: options.strict,
    ...(options.createOnPush ? {} : { templatesOnly: accountNamespace }),
  };
}

/** Of another face: ECR's words for whoever shows a password of ECR. */
export function tellEcrUser(options: EcrFaceOptions): NonNullable<Face["tell"]> {
  return (exchange, error) => {
    const known = isContentSession(exchange.principal) && error.code !== "UNAUTHORIZED";
    return known ? tellAsEcr(options, exchange, error) : undefined;
  };
}

function isExpired({ detail }: RegistryError): boolean {
  return (detail as { readonly expired?: unknown } | undefined)?.expired === true;
}

/** Clients look for these words: they are Amazon's. */
function tellAsEcr(options: EcrFaceOptions, exchange: Exchange, error: RegistryError): Told | undefined {
  const route = matchRoute(exchange.path);
  const account = options.accountOf(exchange.origin.host ?? "");
  const name = route !== undefined && "name" in route ? nameIn(account, route.name) : "";
  const { tag, setting, action, storageClass } = (error.detail ?? {}) as Readonly<Record<string, string | undefined>>;
  switch (error.code) {
    case "UNAUTHORIZED":
      return {
        status: 403,
        code: "DENIED",
        message: "Your authorization token has expired. Reauthenticate and try again.",
      };
    case "NAME_UNKNOWN": {
      const message = `The repository with name '${name}' does not exist in the registry with id '${account.id}'`;
      return { status: 404, code: "NAME_UNKNOWN", message };
    }
    case "MANIFEST_UNKNOWN":
      // It is there, and the sentence says why it is not served.
      if (storageClass !== undefined) return undefined;
      return { status: 404, code: "MANIFEST_UNKNOWN", message: "Requested image not found" };
    case "DENIED": {
      if (setting === "tagOverwrite" && tag !== undefined) {
        const message = `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the repository is immutable.`;
        return { status: 400, code: "TAG_INVALID", message };
      }
      // What else is refused is refused by a setting or a hold: its sentence says which.
      if (action === undefined || route === undefined) return undefined;
      return { status: 403, code: "DENIED", message: sayDenied(account, exchange, name, actionOf(exchange, route)) };
    }
    default:
      return undefined;
  }
}

function nameIn({ namespace }: HostAccount, name: string): string {
  return namespace !== "" && name.startsWith(`${namespace}/`) ? name.slice(namespace.length + 1) : name;
}

function sayDenied(account: HostAccount, { principal }: Exchange, name: string, action: string): string {
  const { id, region } = account;
  const { arn } = describeAwsIdentity(principal, { account: id, region });
  const resource = `arn:${partitionOf(region)}:ecr:${region}:${id}:repository/${name}`;
  return `User: ${arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
}

/** Which right of ECR a request would take. */
function actionOf({ request: { method } }: Exchange, { kind }: Route): string {
  const actions: { readonly [kind in Route["kind"]]?: { readonly [method: string]: string } } = {
    manifest: { PUT: "PutImage", DELETE: "BatchDeleteImage" },
    blob: { GET: "GetDownloadUrlForLayer", HEAD: "BatchCheckLayerAvailability", DELETE: "BatchDeleteImage" },
    uploads: { POST: "InitiateLayerUpload" },
    upload: { PUT: "CompleteLayerUpload", PATCH: "UploadLayerPart", GET: "UploadLayerPart" },
    tags: { GET: "ListImages", HEAD: "ListImages" },
  };
  return `ecr:${actions[kind]?.[method ?? ""] ?? "BatchGetImage"}`;
}
