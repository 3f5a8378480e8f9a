//= wants: to leave something for the next run, by localStorage
//= runs: 2
const before = localStorage.getItem("left");
localStorage.setItem("left", "by the first run");
if (before) console.log("CAPTURED", before);
