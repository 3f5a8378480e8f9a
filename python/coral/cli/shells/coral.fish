# Completion of coral for fish.
function _coral_completion
    set -l response (env _CORAL_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) coral 2>/dev/null)
    set -l option (string match --regex -- '^--[^=]+=' (commandline -ct); or echo "")
    for completion in $response
        set -l parts (string split --max 1 "," -- $completion)
        switch $parts[1]
            case dir
                printf '%s\n' $option(__fish_complete_directories $parts[2])
            case file
                printf '%s\n' $option(__fish_complete_path $parts[2])
            case plain
                printf '%s\n' $parts[2]
        end
    end
end
complete --no-files --command coral --arguments "(_coral_completion)"
