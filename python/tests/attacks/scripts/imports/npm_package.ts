//= wants: a package of npm, by static import
import "npm:left-pad@1.3.0";
console.log("CAPTURED a package");
