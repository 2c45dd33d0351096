import { openAccess, newAccessKey, verifySignature } from "../../src/access/index.ts";
import type { Access, SignedRequest } from "../../src/access/index.ts";
import { openGuardedFetch } from "../../src/lib/index.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import { accessSettings } from "../../tests/support/open-registry.ts";
import { makeAccount } from "../../tests/support/open-rights.ts";
import { signAs } from "../../tests/support/sign-as.ts";
import type { Pair } from "../../tests/support/sign-as.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import type { Case, Metrics, Work } from "../work.ts";

const body = JSON.stringify({ repositoryName: "team/app", filter: { tagStatus: "UNTAGGED" }, maxResults: 100 });
const where = { address: "127.0.0.1", id: "bench" };

/** Rights over rows in memory, and a key pair that is good there. */
async function open(): Promise<{ readonly access: Access; readonly pair: Pair }> {
  const metadata = openSqliteInProcess<AllWrites>(":memory:", writes);
  const fetch = openGuardedFetch({ allow: [], ca: undefined, timeout: 1_000, sizeLimit: 1_000 });
  const access = await openAccess(metadata, accessSettings, Buffer.alloc(32, 9), { fetch });
  const account = await makeAccount(metadata, "alice");
  const { shown, kept } = newAccessKey(access);
  const by = { principal: "system:bench", credential: null, address: null, request: null, reason: "bench" };
  const token = { account, name: "bench", hash: "none", scope: null, age: 3_600_000, accessKey: kept };
  await access.metadata.write("createToken", { by, ...token });
  return { access, pair: { accessKeyId: shown.id, secretAccessKey: shown.secret } };
}

function verifying(name: string, requestsOf: (pair: Pair, count: number) => readonly SignedRequest[]): Case {
  return {
    name,
    registry: "berth",
    measure: async (_server, { quick }): Promise<Metrics> => {
      const { access, pair } = await open();
      const verify = (request: SignedRequest) => verifySignature(access, request, { service: "ecr", where });
      for (const request of requestsOf(pair, 1_000)) await verify(request);
      const requests = requestsOf(pair, quick ? 2_000 : 10_000);
      const [began, cpu] = [performance.now(), process.cpuUsage()];
      for (const request of requests) await verify(request);
      const seconds = (performance.now() - began) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      await access.metadata.close();
      return { rate: requests.length / seconds, cpu: (user + system) / requests.length };
    },
  };
}

const known = "berth, a key that signed before";
const anew = "berth, a region that it signs for first";

export const verifySignatures: Work = {
  name: "verify-signatures",
  title: "signatures of AWS's tools verified (Signature Version 4)",
  unit: "requests/s",
  notes: [
    "within the process, one after the other: a call of ECR of about 100 bytes, signed by aws4, from its headers to who signed it; rows lie in memory",
    "for the first request for a region the signing key is derived by four HMACs; up to 10,000 are kept",
  ],
  cases: [
    verifying(known, (pair, count) => {
      const one = signAs(pair, { body });
      return Array.from({ length: count }, () => one);
    }),
    verifying(anew, (pair, count) =>
      Array.from({ length: count }, (_, index) => signAs(pair, { body, region: `region-${count}-${index}` })),
    ),
  ],
  targets: [{ text: "CPU a signature (µs)", value: (r) => r.median(known, "cpu"), atMost: 100 }],
};
