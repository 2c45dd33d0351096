import { join } from "node:path";
import type { Workplace } from "./workplace.ts";

/** Debian's client, of the daemon's version, whatever else is on PATH. */
export const dockerClient = "/usr/bin/docker";

/** Starts a Docker daemon in a workplace, without networks, and points docker's client at it. @param more flags of the daemon */
export async function startDocker(place: Workplace, more: readonly string[] = []): Promise<void> {
  const at = (name: string) => join(place.folder, name);
  const host = `unix://${at("socket")}`;
  place.env["DOCKER_HOST"] = host;
  const folders = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")];
  const network = ["--iptables=false", "--bridge=none"];
  await place.startDaemon("dockerd", [...folders, ...network, ...more, "--host", host], () =>
    place.call(dockerClient, "info"),
  );
}
