import { startServer } from "./server.ts";
import { readConfig } from "./config.ts";

const log = (message: string, facts: object) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...facts })}\n`);
};

try {
  const config = readConfig(process.argv.slice(2), process.env);
  const server = await startServer({ ...config, log });
  const address = `${config.host}:${server.port}`;
  process.stdout.write(`Berth listens on ${address}, open to this machine only. Data: ${config.data}
A first push:
  crane copy <any image> ${address}/hello:1 --insecure
  skopeo copy --dest-tls-verify=false docker-archive:image.tar docker://${address}/hello:1
  curl http://${address}/v2/_catalog
`);
  const stop = () => void server.close().then(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
} catch (error) {
  process.stderr.write(`berth: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
