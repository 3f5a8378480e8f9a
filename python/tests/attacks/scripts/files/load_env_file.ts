//= wants: a file outside, by process.loadEnvFile
import process from "node:process";
process.loadEnvFile("@outside@/.env");
if (process.env.PASSWORD) console.log("CAPTURED", process.env.PASSWORD);
