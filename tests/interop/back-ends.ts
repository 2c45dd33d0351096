import { join } from "node:path";
import type { Settings } from "../../src/config.ts";
import { findPeer } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";

/** A registry that clients are pointed at. */
export interface BackEnd {
  /** Where its rows and bytes are. */
  readonly name: string;
  /** `127.0.0.1:port`. Undefined where its peers are not installed. */
  readonly registry: string | undefined;
}

/** Registries that answer HTTPS alone. */
export interface SecureBackEnds {
  readonly backEnds: readonly BackEnd[];
  /** Path of their certificate, which is its own authority, in a folder where podman looks for one (`ca.crt`). */
  readonly certificate: string;
}

/** Makes a certificate for 127.0.0.1 in `folder`; undefined without openssl. */
async function makeAuthority(
  folder: string,
): Promise<{ readonly certificate: string; readonly key: string } | undefined> {
  const openssl = findPeer("openssl");
  if (openssl === undefined) return undefined;
  const [certificate, key] = [join(folder, "ca.crt"), join(folder, "key.pem")];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const name = ["-subj", "/CN=Berth in a test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = await run(openssl, ["req", ...kind, ...name, "-keyout", key, "-out", certificate], { cwd: folder });
  if (made.code !== 0) throw new Error(made.output);
  return { certificate, key };
}

/**
 * Starts a registry on every back end, and one more with a certificate. `stop` throws when something broke inside one.
 * @param folder keeps the certificate
 */
export async function startBackEnds(folder: string): Promise<{
  readonly backEnds: readonly BackEnd[];
  readonly secure: SecureBackEnds | undefined;
  readonly stop: () => Promise<void>;
}> {
  const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
  const servers: TestServer[] = [];
  const start = async (settings: Settings) => {
    const server = await startTestServer(settings);
    servers.push(server);
    return server.host;
  };
  const startAll = async (suffix: string, bucket: string, settings: Settings): Promise<readonly BackEnd[]> => [
    { name: `SQLite and files${suffix}`, registry: await start(settings) },
    {
      name: `PostgreSQL and S3${suffix}`,
      registry:
        postgres === undefined || s3 === undefined
          ? undefined
          : await start({ database: await postgres.makeDatabase(), ...(await s3Settings(s3, bucket)), ...settings }),
    },
  ];
  const backEnds = await startAll("", "plain", {});
  const tls = await makeAuthority(folder);
  const secure = tls && {
    backEnds: await startAll(", with a certificate", "secure", { tls }),
    certificate: tls.certificate,
  };
  return {
    backEnds,
    secure,
    async stop() {
      await Promise.all(servers.map((server) => server.close()));
      await s3?.close();
      await postgres?.stop();
      const errors = servers.flatMap((server) => server.errors);
      if (errors.length > 0) throw new Error(`a registry met trouble: ${JSON.stringify(errors)}`);
    },
  };
}
