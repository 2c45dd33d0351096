import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "ldapts";
import { makeCertificate } from "./certificate.ts";
import { findFreePort, isListening } from "./free-port.ts";
import { findPeer } from "./peers.ts";

/** A directory of a few people, by slapd. */
export interface TestDirectory {
  /** `ldap://127.0.0.1:…`, with StartTLS. */
  readonly url: string;
  readonly secureUrl: string;
  /** Its certificate, in PEM. */
  readonly ca: string;
  /** Where that lies. */
  readonly caFile: string;
  readonly root: { readonly dn: string; readonly password: string };
  /** Does something as its owner. */
  edit(work: (client: Client) => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export const directoryBase = "dc=example,dc=com";

/** Starts slapd with alice and bob, whose passwords are their names and `-password`; undefined where it is not installed. */
export async function startDirectory(): Promise<TestDirectory | undefined> {
  const program = findPeer("slapd");
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "berth-slapd-"));
  const { cert, files } = makeCertificate(folder, "localhost");
  mkdirSync(join(folder, "rows"));
  const schemas = ["core", "cosine", "inetorgperson", "nis"].map((name) => `include /etc/ldap/schema/${name}.schema`);
  const root = { dn: `cn=root,${directoryBase}`, password: "root-password" };
  const lines = [
    ...schemas,
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload memberof",
    `TLSCertificateFile ${files.cert}`,
    `TLSCertificateKeyFile ${files.key}`,
    "database mdb",
    `suffix "${directoryBase}"`,
    `rootdn "${root.dn}"`,
    `rootpw ${root.password}`,
    `directory ${join(folder, "rows")}`,
    "maxsize 10485760",
    "overlay memberof",
  ];
  writeFileSync(join(folder, "slapd.conf"), `${lines.join("\n")}\n`);
  const [port, secure] = [await findFreePort(), await findFreePort()];
  const url = `ldap://127.0.0.1:${port}`;
  const secureUrl = `ldaps://127.0.0.1:${secure}`;
  let running: { readonly stop: () => Promise<void> } | undefined;
  const start = async () => {
    const args = ["-h", `${url} ${secureUrl}`, "-f", join(folder, "slapd.conf"), "-d", "0"];
    const child = spawn(program, args, { stdio: "ignore" });
    const ended = new Promise<void>((done) => child.once("exit", () => done()));
    running = { stop: () => (child.kill("SIGTERM"), ended) };
    for (let tries = 0; tries < 1_200 && !(await isListening(port)); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const stop = async () => running?.stop();
  await start();
  const edit = async (work: (client: Client) => Promise<unknown>) => {
    const client = new Client({ url, timeout: 5_000 });
    await client.bind(root.dn, root.password);
    await work(client);
    await client.unbind();
  };
  await edit(async (client) => {
    await client.add(directoryBase, { objectClass: ["dcObject", "organization"], o: "Example", dc: "example" });
    for (const ou of ["people", "groups"])
      await client.add(`ou=${ou},${directoryBase}`, { objectClass: "organizationalUnit", ou });
    for (const uid of ["alice", "bob"]) {
      await client.add(personOf(uid), {
        ...{ objectClass: "inetOrgPerson", uid, cn: `${uid} Example`, sn: "Example" },
        ...{ mail: `${uid}@example.com`, userPassword: `${uid}-password` },
      });
    }
    await client.add(groupOf("dev"), {
      objectClass: "groupOfNames",
      cn: "dev",
      member: [personOf("alice"), personOf("bob")],
    });
    await client.add(groupOf("ops"), { objectClass: "groupOfNames", cn: "ops", member: [personOf("alice")] });
  });
  return {
    ...{ url, secureUrl, ca: cert, caFile: files.cert, root, edit, start },
    stop: async () => void (await stop()),
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function personOf(uid: string): string {
  return `uid=${uid},ou=people,${directoryBase}`;
}

export function groupOf(cn: string): string {
  return `cn=${cn},ou=groups,${directoryBase}`;
}
