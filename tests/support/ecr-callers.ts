import { expect } from "vitest";
import { callEcr, ecrTarget } from "./ecr-wire.ts";
import { adminPassword, basicHeader } from "./management-client.ts";
import type { GuardedServer } from "./management-client.ts";
import { signedHeaders } from "./sign-as.ts";
import type { Pair } from "./sign-as.ts";

/** People who call the ECR API of a guarded server by key pairs of their own, and `/v2/` by their password. */
export interface EcrCallers {
  /** Makes a user with a key pair; with a role on a namespace, or with single actions there. */
  add(name: string, at?: string, may?: string | readonly string[]): Promise<void>;
  /** Calls an operation as somebody who was added, or as `admin`. */
  call(who: string, operation: string, input?: object): ReturnType<typeof callEcr>;
  /** The header with the password of somebody. */
  basic(who: string): string;
  /** The key pair of somebody, for clients of AWS. */
  keys(who: string): { readonly id: string; readonly secret: string };
}

const password = "a long pass phrase of nobody";

export async function openEcrCallers({ server, admin }: GuardedServer): Promise<EcrCallers> {
  const pairs = new Map<string, Pair>();
  const addPair = async (name: string) => {
    const made = await admin.post(`/users/${name}/tokens`, { name: "aws", aws: true });
    expect(made.status, made.text).toBe(201);
    pairs.set(name, { accessKeyId: made.body.accessKeyId, secretAccessKey: made.body.secretAccessKey });
  };
  await addPair("admin");
  return {
    async add(name, at, may) {
      expect((await admin.post("/users", { name, password })).status).toBe(201);
      await addPair(name);
      if (at === undefined || may === undefined) return;
      const grant = { to: { user: name }, ...(typeof may === "string" ? { role: may } : { actions: may }) };
      const granted = await admin.post(`/namespaces/${at}/-/grants`, grant);
      expect(granted.status, granted.text).toBe(201);
    },
    call(who, operation, input = {}) {
      const body = JSON.stringify(input);
      const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}${operation}` };
      const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pairs.get(who)!, wish);
      return callEcr(server.url, operation, body, headers);
    },
    keys(who) {
      const { accessKeyId: id, secretAccessKey: secret } = pairs.get(who)!;
      return { id, secret };
    },
    basic: (who) => basicHeader(who, who === "admin" ? adminPassword : password),
  };
}
