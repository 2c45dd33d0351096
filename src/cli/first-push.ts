import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** How a registry is reached. */
export interface Reach {
  /** `127.0.0.1:5000` */
  readonly host: string;
  readonly tls: boolean;
}

const emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const emptyConfig = `{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${emptyDigest}","size":2}`;
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Programs that can push, the most usual first, each with three lines that push a first image and read it back. */
export const firstPushes: Readonly<Record<string, (reach: Reach) => readonly [string, string, string]>> = {
  docker: ({ host }) => [
    `tar -c -C / etc/hosts | docker import - ${host}/hello:1`,
    `docker push ${host}/hello:1`,
    `docker pull ${host}/hello:1`,
  ],
  podman: ({ host, tls }) => [
    `tar -c -C / etc/hosts | podman import - ${host}/hello:1`,
    `podman push${tls ? "" : " --tls-verify=false"} ${host}/hello:1`,
    `podman pull${tls ? "" : " --tls-verify=false"} ${host}/hello:1`,
  ],
  crane: ({ host, tls }) => [
    `tar -c -C / etc/hosts | crane append${tls ? "" : " --insecure"} -f - -t ${host}/hello:1`,
    `crane ls${tls ? "" : " --insecure"} ${host}/hello`,
    `crane export${tls ? "" : " --insecure"} ${host}/hello:1 - | tar -t`,
  ],
  oras: ({ host, tls }) => [
    `echo hello > hello.txt`,
    `oras push${tls ? "" : " --plain-http"} ${host}/hello:1 hello.txt`,
    `oras pull${tls ? "" : " --plain-http"} ${host}/hello:1`,
  ],
  curl: ({ host, tls }) => {
    const url = `${tls ? "https" : "http"}://${host}/v2/hello`;
    const manifest = `{"schemaVersion":2,"mediaType":"${manifestType}","config":${emptyConfig},"layers":[]}`;
    return [
      `curl -d '{}' '${url}/blobs/uploads/?digest=${emptyDigest}'`,
      `curl -X PUT -H 'Content-Type: ${manifestType}' -d '${manifest}' ${url}/manifests/1`,
      `curl ${url}/tags/list`,
    ];
  },
};

/** Lines for a program that is installed here. */
export function describeFirstPush(reach: Reach, path = process.env["PATH"] ?? ""): readonly string[] {
  const program = Object.keys(firstPushes).find((name) => isInstalled(name, path) && isReady(name)) ?? "docker";
  return firstPushes[program]!(reach);
}

/** The docker client can do nothing without its daemon. */
function isReady(program: string): boolean {
  return program !== "docker" || process.env["DOCKER_HOST"] !== undefined || existsSync("/var/run/docker.sock");
}

function isInstalled(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}
