//= wants: lines that read otherwise than they are: U+202E and its kin
//= terminal: yes
//= seen: \xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]
console.log("safe \u202e/* dne */\u2066 \u200f");
