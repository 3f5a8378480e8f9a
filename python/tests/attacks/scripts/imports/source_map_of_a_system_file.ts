//= wants: lines of /etc/passwd, by a source map of the script itself: Deno shows the line that it names
//= remains: landlock
//= seen: root:\w*:0:0:
// Bare, the error is shown; what it shows is read by Deno itself, whatever the script may read.
throw new Error("look at my source");
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImZpbGU6Ly8vZXRjL3Bhc3N3ZCJdLCJuYW1lcyI6W10sIm1hcHBpbmdzIjoiQUFBQTtBQUFBO0FBQUE7QUFBQSJ9
