import { runWrk } from "../clients/wrk.ts";
import type { Server } from "../registries.ts";
import type { Case, Work } from "../work.ts";
import { besideGuarded, fetchBearer, makePublicTeam } from "./guarded.ts";
import { seedImage } from "./seed.ts";

const repository = "team/app";

/** What a case shows; `personal` is the `Authorization` by a personal token. */
type Show = (server: Server, personal: string) => Promise<string | undefined>;

function getAs(name: string, show: Show): Case {
  return {
    name,
    registry: "berth",
    beside: besideGuarded,
    measure: async (server, lab) => {
      const personal = await makePublicTeam(server);
      await seedImage(server, repository, "v1", personal);
      const authorization = await show(server, personal);
      const load = { path: `/v2/${repository}/manifests/v1`, connections: 16, authorization };
      await runWrk(server, { ...load, seconds: 1 });
      return runWrk(server, { ...load, seconds: lab.seconds });
    },
  };
}

const anonymous = "berth, anonymous";
const bearer = "berth, registry token";

export const manifestGetAuth: Work = {
  name: "manifest-get-auth",
  title: "manifest GET by tag with and without a login, 16 connections",
  unit: "requests/s",
  notes: [
    "Berth asks who may do what; the image lies in a public namespace, so that it may be had without a login, too",
    "the registry token is fetched once and shown as Bearer with each request, the personal token as Basic; both are the owner's",
    "each case has a server of its own; a second of the same load goes before",
  ],
  cases: [
    getAs(anonymous, () => Promise.resolve(undefined)),
    getAs(bearer, (server, login) => fetchBearer(server, repository, login)),
    getAs("berth, personal token", (_server, login) => Promise.resolve(login)),
  ],
  targets: [
    { text: "registry token ÷ anonymous", value: (r) => r.ratio(bearer, anonymous, "rate"), atLeast: 0.85 },
    {
      text: "CPU a request, registry token less anonymous (µs)",
      value: (r) => r.difference(bearer, anonymous, "cpu"),
      atMost: 50,
    },
  ],
};
