import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { z } from "zod";
import { CommandError, usageError } from "./command-error.ts";
import { exchangeToken } from "./exchange-token.ts";
import { exitCodes } from "./exit-codes.ts";
import { readCertificates, readClient } from "./send-request.ts";
import { findServer } from "./server-address.ts";

/*
 * The kubelet's plug-in protocol, credentialprovider.kubelet.k8s.io/v1 (KEP-2133; service account tokens: KEP-4412). One
 * request on standard input, one response on standard output:
 *
 *   CredentialProviderRequest   image, serviceAccountToken?, serviceAccountAnnotations?
 *   CredentialProviderResponse  cacheKeyType, cacheDuration, auth: { host: { username, password } }
 */

const apiVersion = "credentialprovider.kubelet.k8s.io/v1";

// What later Kubernetes versions add must not break nodes: fields that are not known are left out.
const requestSchema = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal("CredentialProviderRequest"),
  image: z.string().min(1),
  serviceAccountToken: z.string().optional(),
  serviceAccountAnnotations: z.record(z.string(), z.string()).nullish(),
});

export interface ProviderFlags {
  /** The only server to which an identity token is sent. */
  readonly server: string;
  /** Holds the node's identity token, for a kubelet that sends none of a service account. */
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly insecureHttp?: true;
}

/**
 * `berth credential-provider`: a pod's or a node's identity is the login, so that clusters need no pull secret. It is shown to the
 * server first: one that no trust rule takes is told here, and not by a pull that fails.
 */
export async function provideCredentials(flags: ProviderFlags): Promise<number> {
  const ca = flags.caFile === undefined ? undefined : await readCertificates(flags.caFile);
  const request = parseRequest(await readAll(process.stdin));
  const reached = await findServer(flags.server, ca, flags.insecureHttp === true);
  const server = { ...reached, client: await readClient(flags) };
  const { host } = new URL(server.url);
  // The kubelet's patterns may be wide; a token of this cluster goes to its own registry only.
  const isOurs = request.image === host || request.image.startsWith(`${host}/`);
  const identity = isOurs ? await findIdentity(request, flags) : undefined;
  const taken = identity === undefined ? undefined : await exchangeToken(server, identity);
  const response = {
    apiVersion,
    kind: "CredentialProviderResponse",
    cacheKeyType: "Registry",
    cacheDuration: `${taken === undefined ? 0 : cacheSeconds(taken.lifetime)}s`,
    // The container runtime fetches a token for each image with it: one that is exchanged here would be for no image.
    auth: identity === undefined ? {} : { [host]: { username: "oidc", password: identity } },
  };
  process.stdout.write(`${JSON.stringify(response)}\n`);
  return exitCodes.done;
}

/** The kubelet takes another token while this one still has a fifth of its time: a pull may begin at the last moment. */
function cacheSeconds(lifetime: number): number {
  return Math.max(0, Math.floor(lifetime * 0.8));
}

async function findIdentity(
  { serviceAccountToken }: z.infer<typeof requestSchema>,
  { tokenFile }: ProviderFlags,
): Promise<string> {
  if (serviceAccountToken !== undefined && serviceAccountToken !== "") return serviceAccountToken;
  if (tokenFile === undefined) {
    throw usageError(
      "the kubelet sent no service account token: set tokenAttributes in its CredentialProviderConfig, or give --token-file with the node's identity token",
    );
  }
  const token = await readFile(tokenFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${tokenFile} cannot be read (${error.code})`);
  });
  return token.trim();
}

function parseRequest(text: string): z.infer<typeof requestSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError("standard input is no JSON: the kubelet calls this program, people do not");
  }
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw usageError(`the request is no CredentialProviderRequest of ${apiVersion} (${path.join(".")}: ${message})`);
}
