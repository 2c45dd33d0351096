import { parentPort, workerData } from "node:worker_threads";
import { makeImage, manifestOf } from "./images.ts";
import type { ImageContent } from "./images.ts";
import type { PushOrder, PushReport } from "./push.ts";
import { openRaw } from "./raw-connection.ts";
import type { RawConnection } from "./raw-connection.ts";
import { pushImage, pushManifest } from "./requests.ts";

/** The load of pushes: everything that is sent is made before the clock starts. */
const order = workerData as PushOrder;
const connections = await Promise.all(
  Array.from({ length: order.clients }, () => openRaw(order.port, order.authorization)),
);
const repositoryOf = (client: number) => order.repositories[client % order.repositories.length]!;

/** Work units of one client: the number counts over all clients. */
type Unit = (connection: RawConnection, client: number, number: number) => Promise<void>;

async function prepareUnits(): Promise<Unit> {
  if (order.kind === "images") {
    const images = Array.from({ length: order.count }, () => makeImage(order.layerBytes));
    return (connection, client, number) =>
      pushImage(connection, repositoryOf(client), `${order.prefix}${number}`, images[number]!);
  }
  const image = makeImage(order.layerBytes);
  for (const repository of order.repositories) await pushImage(connections[0]!, repository, "base", image);
  const manifests = order.kind === "tags" ? [image.manifest.bytes] : makeManifests(image);
  return (connection, client, number) =>
    pushManifest(connection, repositoryOf(client), `${order.prefix}${number}`, manifests[number % manifests.length]!);
}

/** Manifests of one image's blobs, each with a digest of its own. */
function makeManifests(image: ImageContent): Buffer[] {
  return Array.from(
    { length: order.count },
    (_none, index) => manifestOf(image.config, image.layer, `${order.prefix}${index}`).bytes,
  );
}

const unit = await prepareUnits();
const latencies: number[] = [];
let next = 0;
parentPort!.once("message", async () => {
  const start = performance.now();
  const end = start + order.seconds * 1000;
  const client = async (connection: RawConnection, index: number) => {
    while (next < order.count && performance.now() < end) {
      const number = next++;
      const began = performance.now();
      await unit(connection, index, number);
      latencies.push(performance.now() - began);
    }
  };
  try {
    await Promise.all(connections.map(client));
    const elapsed = performance.now() - start;
    parentPort!.postMessage({ elapsed, latencies } satisfies PushReport);
  } catch (error) {
    parentPort!.postMessage({ elapsed: 0, latencies: [], error: String(error) } satisfies PushReport);
  }
  for (const connection of connections) connection.close();
});
parentPort!.postMessage("ready");
