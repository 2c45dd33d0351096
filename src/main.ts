import { SettingsError } from "./lib/settings/index.ts";
import { formatAddress, openLog } from "./lib/index.ts";
import { readConfig } from "./config.ts";
import { startServer } from "./server.ts";

try {
  const [command, ...flags] = process.argv.slice(2);
  const unknown = flags.find((flag) => flag !== "--open");
  if (command !== "serve" || unknown !== undefined) {
    throw new Error(`${unknown ?? command ?? "nothing"} is not understood: start the registry with \`serve --open\``);
  }
  const { config, warnings } = await readConfig({ open: flags.includes("--open") || undefined }, process.env);
  const log = await openLog(config.log.level);
  for (const warning of warnings) log.warn(warning);
  const server = await startServer(config, log);
  const address = formatAddress(server.address);
  process.stdout.write(`Berth listens on ${address}, open to this machine only. Data: ${config.data}
A first push:
  crane copy <any image> ${address}/hello:1 --insecure
  skopeo copy --dest-tls-verify=false docker-archive:image.tar docker://${address}/hello:1
  curl http://${address}/v2/_catalog
`);
  const stop = () =>
    void server.close().then(() => {
      log.flush();
      process.exit(0);
    });
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
} catch (error) {
  const lines =
    error instanceof SettingsError ? error.problems : [error instanceof Error ? error.message : String(error)];
  for (const line of lines) process.stderr.write(`berth: ${line}\n`);
  process.exitCode = 1;
}
