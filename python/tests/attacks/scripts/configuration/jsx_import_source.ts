//= wants: code from the network, by a pragma
//= main: attack.tsx
/** @jsxRuntime automatic */
/** @jsxImportSource http://127.0.0.1:@port@ */
console.log("CAPTURED", <p>text</p>);
