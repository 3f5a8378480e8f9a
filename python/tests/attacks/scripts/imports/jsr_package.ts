//= wants: a package of JSR that is not in the shipped set
import "jsr:@luca/flag@1.0.0";
console.log("CAPTURED a package");
