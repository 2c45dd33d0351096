import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "./free-port.ts";
import { run } from "./run.ts";

/** One way to stand in front of a registry. */
export interface NginxFront {
  /** Whether clients speak TLS to nginx. */
  readonly tls: boolean;
  /** Whether nginx reads a whole body before it asks the registry. */
  readonly buffered: boolean;
  /** `http://127.0.0.1:40123` or `https://…`: the registry itself. */
  readonly upstream: string;
}

export interface RunningNginx {
  /** Where each front listens, in their order. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** A folder with a certificate for 127.0.0.1 that signs itself; the caller removes it. */
export async function makeCertificate(): Promise<{
  readonly folder: string;
  readonly certificate: string;
  readonly key: string;
}> {
  const folder = await mkdtemp(join(tmpdir(), "berth-certificate-"));
  const [certificate, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  const made = await run("openssl", ["req", ...kind, ...names, "-keyout", key, "-out", certificate], { cwd: folder });
  if (made.code !== 0) throw new Error(made.output);
  return { folder, certificate, key };
}

/** Starts nginx with a server for each front, as its documentation and ours have it. */
export async function startNginx(
  program: string,
  fronts: readonly NginxFront[],
  tls: { readonly certificate: string; readonly key: string },
): Promise<RunningNginx> {
  const folder = await mkdtemp(join(tmpdir(), "berth-nginx-"));
  const ports: number[] = [];
  for (let count = 0; count < fronts.length; count++) ports.push(await findFreePort());
  const servers = fronts.map((front, index) => serverBlock(front, ports[index]!, tls));
  const own = process.getuid?.() === 0 ? "user root;" : "";
  await writeFile(
    join(folder, "nginx.conf"),
    `${own}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${servers.join("\n")}
}
`,
  );
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const urls = fronts.map((front, index) => `${front.tls ? "https" : "http"}://127.0.0.1:${ports[index]}`);
  for (let attempt = 0; child.exitCode === null; attempt++) {
    const answered = await fetch(`http://127.0.0.1:${ports[0]}/v2/`).then(
      () => true,
      () => false,
    );
    if (answered || attempt > 1_200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (child.exitCode !== null) throw new Error(`nginx does not start: ${output}`);
  return {
    urls,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function serverBlock(
  front: NginxFront,
  port: number,
  tls: { readonly certificate: string; readonly key: string },
): string {
  const certificate = front.tls ? `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};` : "";
  return `  server {
    listen 127.0.0.1:${port}${front.tls ? " ssl" : ""};
    ${certificate}
    client_max_body_size 0;
    location / {
      proxy_pass ${front.upstream};
      proxy_http_version 1.1;
      proxy_request_buffering ${front.buffered ? "on" : "off"};
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      proxy_read_timeout 900;
    }
  }`;
}
