import { afterEach, expect, vi } from "vitest";
import { authenticate, issueToken } from "../../src/access/index.ts";
import type { Access, Principal } from "../../src/access/index.ts";
import { verifyToken } from "../../src/access/verify-token.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { GuardedRows } from "../support/each-database.ts";
import { basic, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";

/* What a process that begins knows of certificates: what is believed now, and not what was when a token was given. */

const audience = "registry.example.com";
const wanted = [{ repository: parseRepositoryName("team/app"), actions: ["pull"] as const }];

await describeEachDatabase((it, prepare) => {
  let given: GuardedRows;
  prepare((rows) => void (given = rows));
  afterEach(() => void vi.useRealTimers());

  it("a registry token for a certificate ends with a restart, which may believe others; one for a token goes on (attack L8)", async () => {
    const { metadata } = given.database;
    const { access } = given.registry;
    const account = await makeAccount(metadata, "alice");
    await grant(metadata, { account }, { namespace: await makeNamespace(metadata, "team") }, "reader");
    const { secret } = await makeToken(metadata, account);
    const byToken = await authenticate(access, basic("alice", secret));
    const until = Math.floor(Date.now() / 1000) + 3_600;
    const byCertificate: Principal = { ...byToken, credential: `certificate:${until}`, fingerprint: "email:alice" };
    const tokenOf = async (principal: Principal, by: Access) =>
      (await issueToken(by, { principal, address: "192.0.2.1", id: "r" }, audience, wanted)).token;
    const isGood = async (token: string, at: Access) => (await verifyToken(at, token, audience)) !== undefined;
    const [plain, certified] = [await tokenOf(byToken, access), await tokenOf(byCertificate, access)];
    expect([await isGood(plain, access), await isGood(certified, access)]).toEqual([true, true]);
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 2_000);
    const { access: restarted } = await openGuarded(metadata);
    expect([await isGood(plain, restarted), await isGood(certified, restarted)]).toEqual([true, false]);
    // Its client shows the certificate again, at whichever process.
    expect(await isGood(await tokenOf(byCertificate, restarted), restarted)).toBe(true);
    restarted.version.close();
  });
});
