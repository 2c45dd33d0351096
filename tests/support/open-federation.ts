import { afterEach, beforeEach, vi } from "vitest";
import { authorize, verifyIdentityToken } from "../../src/access/index.ts";
import type { Access } from "../../src/access/index.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import type { Action, TrustCondition } from "../../src/policy/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { callerOf, makeNamespace, makeTrustRule, openGuarded } from "./open-rights.ts";
import { startIssuer } from "./test-issuer.ts";
import type { TestIssuer } from "./test-issuer.ts";

/** Rows, rights and an issuer, anew for each test of the file. */
export interface Federation {
  readonly metadata: Metadata<AllWrites>;
  readonly access: Access;
  readonly issuer: TestIssuer;
  /** Id of the namespace `acme`. */
  readonly acme: number;
  /** Makes a rule for the issuer that gives `writer` on `acme`. */
  ruleFor(conditions: readonly TrustCondition[], more?: Partial<Parameters<typeof makeTrustRule>[1]>): Promise<number>;
  /** Whether whom the token speaks for may do this to the repository, `acme/app` where none is named. */
  may(token: string, action: Action, name?: string): Promise<boolean>;
}

/** To be called at the top of a test file. */
export function useFederation(): Federation {
  const f = {} as { -readonly [K in keyof Federation]: Federation[K] };
  f.ruleFor = (conditions, more = {}) => {
    const grants = [{ on: { namespace: "acme" }, role: "writer" as const, actions: [], tags: null }];
    return makeTrustRule(f.metadata, { issuer: f.issuer.url, conditions, grants, ...more });
  };
  f.may = async (token, action, name = "acme/app") => {
    const principal = await verifyIdentityToken(f.access, token);
    const asked = Promise.resolve(authorize(f.access, callerOf(principal), action, parseRepositoryName(name)));
    return (await codeOf(asked)) === "done";
  };
  beforeEach(async () => {
    f.metadata = openSqliteInProcess<AllWrites>(":memory:", writes);
    f.access = (await openGuarded(f.metadata)).access;
    f.issuer = await startIssuer();
    f.acme = await makeNamespace(f.metadata, "acme");
  });
  afterEach(async () => {
    vi.useRealTimers();
    f.access.version.close();
    await f.metadata.close();
    await f.issuer.close();
  });
  return f;
}

/** The code of what went wrong, or `done`. */
export function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
