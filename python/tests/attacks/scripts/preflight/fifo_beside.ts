//= wants: to hold Coral up before the time limit counts, by a named pipe in the import graph
//= fifo: pipe.ts
//= limit: 2
//= endless: yes
import "./pipe.ts";
