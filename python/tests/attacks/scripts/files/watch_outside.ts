//= wants: to follow what happens in the user's home
const watcher = Deno.watchFs("@home@");
watcher.close();
console.log("CAPTURED a watch on the home");
