import { afterAll, expect, test } from "vitest";
import { newSecret } from "../../src/access/index.ts";
import { basicHeader, startGuardedServer } from "../support/management-client.ts";
import { compareMeans } from "../support/welch.ts";
import type { Difference } from "../support/welch.ts";

/*
 * What login-cost.test.ts counts is measured here: the processor time and the time on the clock of logins, whose kinds
 * alternate, so that what else the machine does falls on both alike. Only what is large and sure is a difference: a
 * derivation that is left out is nearly all of a login's time.
 */

const guarded = await startGuardedServer({ access: { failedLogins: 0 } });
const { admin, server } = guarded;
afterAll(() => guarded.close());

const [surely, largely] = [6, 0.4];
let fresh = 0;

interface Cost {
  /** Of this whole process, in milliseconds. */
  readonly processor: number;
  readonly clock: number;
}

async function measure(authorization: () => string): Promise<Cost> {
  const [begun, used] = [performance.now(), process.cpuUsage()];
  const { status } = await fetch(`${server.url}/v2/`, { headers: { authorization: authorization() } });
  expect(status).toBe(401);
  const { user, system } = process.cpuUsage(used);
  return { processor: (user + system) / 1000, clock: performance.now() - begun };
}

/** How far the costs of two kinds of login lie apart, each measured after the other in turn. */
async function compare(
  one: () => string,
  other: () => string,
  rounds = 24,
): Promise<Record<keyof Cost, Difference & { readonly told: boolean }>> {
  const costs: [Cost[], Cost[]] = [[], []];
  for (let round = -2; round < rounds; round++) {
    for (const [kind, header] of round % 2 === 0
      ? ([
          [0, one],
          [1, other],
        ] as const)
      : ([
          [1, other],
          [0, one],
        ] as const)) {
      const cost = await measure(header);
      // The first are slower, whatever they are.
      if (round >= 0) costs[kind].push(cost);
    }
  }
  const difference = (by: keyof Cost) => {
    const found = compareMeans(...(costs.map((series) => series.map((cost) => cost[by])) as [number[], number[]]));
    return { ...found, told: Math.abs(found.t) > surely && Math.abs(found.effect) > largely };
  };
  return { processor: difference("processor"), clock: difference("clock") };
}

const wrong = () => basicHeader("known", `wrong ${++fresh}`);

test("the time of a login does not tell a user that is not there from a wrong password (threat 34)", async () => {
  expect((await admin.post("/users", { name: "known", password: "seven green bottles" })).status).toBe(201);
  const { processor, clock } = await compare(wrong, () => basicHeader(`nobody-${++fresh}`, "wrong"));
  expect(processor, JSON.stringify(processor)).toMatchObject({ told: false });
  expect(clock, JSON.stringify(clock)).toMatchObject({ told: false });
});

test("the same measurement tells a login without a key derivation from one with it", async () => {
  // What has the form of a token is looked up by its hash.
  const { processor } = await compare(wrong, () => basicHeader("known", newSecret("token")), 10);
  expect(processor, JSON.stringify(processor)).toMatchObject({ told: true });
});
