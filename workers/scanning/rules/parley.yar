// What has no place in a file that people send each other in a conversation. Few rules, each with a reason: they stand
// where no virus scanner does, and do not claim to be one.

rule Eicar_Test_File {
    meta:
        why = "the test file of the industry, so that people can see a file being blocked (eicar.org)"
    strings:
        $a = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" ascii
        $b = "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*" ascii
    condition:
        all of them
}

rule Windows_Program {
    meta:
        why = "a program, under whatever name, whole or in a document"
    condition:
        uint16(0) == 0x5A4D and uint32(0x3C) < filesize - 4 and uint32(uint32(0x3C)) == 0x00004550
}

rule Program_Inside {
    meta:
        why = "a Windows program somewhere in a file"
    strings:
        $stub = "This program cannot be run in DOS mode" ascii
        $stub2 = "This program must be run under Win32" ascii
    condition:
        any of them
}

rule Elf_Program {
    meta:
        why = "a Linux program"
    condition:
        uint32(0) == 0x464C457F
}

rule Script_Dropper {
    meta:
        why = "a script that fetches something and runs it, the usual beginning of an infection"
    strings:
        $p1 = "powershell" nocase ascii wide
        $p2 = "-EncodedCommand" nocase ascii wide
        $p3 = "DownloadString(" nocase ascii wide
        $p4 = "DownloadFile(" nocase ascii wide
        $p5 = "FromBase64String(" nocase ascii wide
        $p6 = "Invoke-Expression" nocase ascii wide
        $w1 = "WScript.Shell" nocase ascii wide
        $w2 = "MSXML2.XMLHTTP" nocase ascii wide
        $w3 = "ADODB.Stream" nocase ascii wide
    condition:
        ($p1 and 2 of ($p2, $p3, $p4, $p5, $p6)) or ($w1 and any of ($w2, $w3))
}

rule Html_Smuggling {
    meta:
        why = "a page that puts a file together in the browser and saves it (MITRE ATT&CK T1027.006)"
    strings:
        $blob = "new Blob(" ascii
        $url = "createObjectURL" ascii
        $save = "msSaveOrOpenBlob" ascii
        $click = ".click()" ascii
        $atob = "atob(" ascii
    condition:
        $blob and ($url or $save) and $click and $atob
}

rule Dde_Field {
    meta:
        why = "a field of Office that starts a program when it is updated"
    strings:
        $field = /DDE(AUTO)?\s+"?(c:\\\\|cmd|powershell|mshta|rundll32)/ nocase ascii
    condition:
        $field
}

rule Equation_Editor {
    meta:
        why = "the class of an editor with known holes that nothing honest needs any more (CVE-2017-11882)"
    strings:
        $class = { 02 CE 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
        $name = "Equation.3" ascii nocase
    condition:
        $class or $name
}
