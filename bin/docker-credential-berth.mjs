#!/usr/bin/env node
// What docker, podman, crane and helm call for credentials: `docker-credential-berth get` is `berth credential-helper get`.
process.argv.splice(2, 0, "credential-helper");
await import("./berth.mjs");
