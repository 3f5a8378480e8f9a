//= wants: memory of its own process, by pointers made of numbers
try {
  const bytes = new Uint8Array([67, 65, 80, 0]);
  const pointer = Deno.UnsafePointer.of(bytes);
  const number = Deno.UnsafePointer.value(pointer);
  const again = Deno.UnsafePointer.create(number);
  console.log("CAPTURED", Deno.UnsafePointerView.getCString(again!));
} catch {
  // the next one
}
