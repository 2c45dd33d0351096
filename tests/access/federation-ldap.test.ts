import { setTimeout } from "node:timers/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Attribute, Change } from "ldapts";
import { afterAll, describe, expect, test } from "vitest";
import type { TestContext } from "vitest";
import { openLdap, parseGroupMapping } from "../../src/access/index.ts";
import type { LdapSettings } from "../../src/access/index.ts";
import { testProvider } from "../../src/access/identity-providers/testing/provider-kit.ts";
import { needPeers } from "../support/peers.ts";
import { directoryBase, groupOf, personOf, startDirectory } from "../support/slapd.ts";

const directory = await startDirectory();
afterAll(() => directory?.close());

const settings: LdapSettings = {
  url: directory?.url ?? "",
  startTls: true,
  ca: directory?.ca,
  bind: directory?.root,
  base: `ou=people,${directoryBase}`,
  nameAttribute: "uid",
  idAttribute: "entryUUID",
  filter: undefined,
  groupBase: `ou=groups,${directoryBase}`,
  groups: parseGroupMapping([]),
  timeout: 20_000,
};
const open = (more: Partial<LdapSettings> = {}) => {
  return (context: TestContext) => {
    needPeers(context, "slapd");
    return Promise.resolve(openLdap({ ...settings, ...more }));
  };
};

describe("groups by search, with StartTLS", () => testProvider(open()));
describe("groups by memberOf, with LDAPS", () =>
  testProvider(open({ url: directory?.secureUrl ?? "", groupBase: undefined })));
describe("nobody by name searches, in clear", () => testProvider(open({ startTls: false, bind: undefined })));
describe("people by another condition", () => testProvider(open({ filter: "(&(objectClass=inetOrgPerson)(mail=*))" })));

const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );

test("who a condition leaves out is nobody", async (context) => {
  const provider = await open({ filter: "(!(uid=bob))" })(context);
  expect(await provider.authenticate("bob", "bob-password")).toBeUndefined();
  expect(await provider.authenticate("alice", "alice-password")).toBeDefined();
});

test("groups that are taken away in the directory are gone at the next look (threat 3)", async (context) => {
  const provider = await open()(context);
  const groups = async () => (await provider.find("alice"))!.groups.map(({ name }) => name).toSorted();
  expect(await groups()).toEqual(["dev", "ops"]);
  const change = (operation: "delete" | "add") =>
    directory!.edit((client) => {
      const modification = new Attribute({ type: "member", values: [personOf("alice")] });
      return client.modify(groupOf("dev"), new Change({ operation, modification }));
    });
  await change("delete");
  expect(await groups()).toEqual(["ops"]);
  await change("add");
  expect(await groups()).toEqual(["dev", "ops"]);
});

test("two people of one name are nobody", async (context) => {
  const provider = await open({ nameAttribute: "sn" })(context);
  expect(await provider.authenticate("Example", "alice-password")).toBeUndefined();
});

test("a certificate of nobody known is refused, with StartTLS and LDAPS, and no password is sent", async (context) => {
  for (const url of [settings.url, directory?.secureUrl ?? ""]) {
    const provider = await open({ url, ca: undefined })(context);
    expect(await messageOf(provider.authenticate("alice", "alice-password"))).toMatch(
      /^UNAVAILABLE: the directory 127\.0\.0\.1:\d+ does not answer as it should \(.*CERT.*\): try again later/,
    );
  }
});

test("a searcher whose password is wrong is the operator's affair", async (context) => {
  const provider = await open({ bind: { dn: settings.bind?.dn ?? "", password: "wrong" } })(context);
  expect(await messageOf(provider.authenticate("alice", "alice-password"))).toMatch(/^UNAVAILABLE: .*`ldap.bindDn`/);
});

test("a directory that is down or hangs says so within the time that is set", async (context) => {
  const hanging = createServer(() => undefined);
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  const { port } = hanging.address() as AddressInfo;
  for (const [url, startTls] of [
    ["ldap://127.0.0.1:1", false],
    [`ldap://127.0.0.1:${port}`, false],
    [`ldap://127.0.0.1:${port}`, true],
    [`ldaps://127.0.0.1:${port}`, false],
  ] as const) {
    const provider = await open({ url, startTls, timeout: 300 })(context);
    const asked = messageOf(provider.authenticate("alice", "alice-password"));
    // Timers of one process come due in their order, however busy the machine is.
    const message = await Promise.race([asked, setTimeout(3_000, "it waits for ever", { ref: false })]);
    expect(message, url).toMatch(
      /^UNAVAILABLE: the directory .* does not answer as it should \(.+\): try again later; users/,
    );
    expect(message).not.toContain("alice-password");
  }
  hanging.close();
});
