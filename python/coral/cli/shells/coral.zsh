#compdef coral
# Completion of coral for zsh.
_coral_completion() {
    local -a plain open described response
    local type key description
    (( ! $+commands[coral] )) && return 1
    response=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) _CORAL_COMPLETE=zsh_complete coral 2>/dev/null)}")
    for type key description in ${response}; do
        case $type in
            dir | file)
                [[ $PREFIX == --*=* ]] && compset -P 1 '*='
                if [[ $type == dir ]]; then _path_files -/; else _path_files -f; fi
                ;;
            plain)
                if [[ $key == *[:=] ]]; then
                    open+=("${key//\\:/:}") # a value follows: no space
                elif [[ $description == _ ]]; then
                    plain+=("$key")
                else
                    described+=("$key:$description")
                fi
                ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#open )) && compadd -U -V unsorted -S '' -a open
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _coral_completion "$@"
else
    compdef _coral_completion coral
fi
