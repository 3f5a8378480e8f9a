//= wants: services on Unix sockets, docker.sock among them
import net from "node:net";
import http from "node:http";
for (const path of ["@unix@", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0"]) {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    console.log("CAPTURED", path);
  } catch {
    // the next one
  }
}
for (const way of [() => net.connect("@unix@", () => console.log("CAPTURED net")), () => http.get({ socketPath: "@unix@", path: "/containers/json" }, () => console.log("CAPTURED http"))]) {
  try {
    const made = way() as NodeJS.EventEmitter;
    made.on("error", () => {});
    await new Promise((done) => setTimeout(done, 200));
  } catch {
    // the next one
  }
}
Deno.exit(0);
